import { Decoder, type NumericMode } from '../decoder/index.js';
import { O1Embedder, type O1Settings, type OnRun, SEQUENCE_VERSION } from '../embedder/index.js';
import { ByteTokenizer, randomWeights, TINY_CONFIG } from './tiny-decoder.js';

/** Settings of the tiny embedder: marks are ids 256 to 260. */
export const TINY_SETTINGS: O1Settings = {
  sequenceVersion: SEQUENCE_VERSION,
  base: { model: 'tiny', sha256: '0'.repeat(64) },
  tokens: { query: 257, document: 258, thought: 259, embedding: 260, end: 256 },
  pooling: 'last',
  lengths: { query: 40, thought: 24, document: 60 },
  thinking: { think: 'always', thoughts: 1, temperature: 0, topP: 1 },
  origin: 'random weights',
  selfTest: [],
};

/** A whole embedder with random weights: no download, a few milliseconds a query. Its vectors mean nothing. */
export async function tinyEmbedder(
  options: {
    readonly seed?: number;
    readonly mode?: NumericMode;
    readonly settings?: Partial<O1Settings>;
    readonly onRun?: OnRun;
  } = {},
): Promise<O1Embedder> {
  const { seed = 1, mode = 'fp32' } = options;
  return new O1Embedder({
    decoder: await Decoder.load(randomWeights(TINY_CONFIG, seed), { mode, threads: 1 }),
    tokenizer: new ByteTokenizer(),
    settings: { ...TINY_SETTINGS, ...options.settings },
    adapterSha256: String(seed),
    onRun: options.onRun,
  });
}
