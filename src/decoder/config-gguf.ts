import { CorruptFileError, InvalidInputError } from '../errors.js';
import type { DecoderConfig, RopeScaling } from './config.js';
import { checkConfig } from './config-check.js';
import type { Gguf } from './formats/gguf.js';
import { GgufMetadata } from './formats/gguf-metadata.js';

/** A GGUF's metadata to `DecoderConfig`; key names as in docs/gguf.md of ggml. */

const ARCHITECTURES = ['llama', 'qwen2', 'qwen3'] as const;
/** The tensor in which llama.cpp keeps Llama 3's rotary scaling: what each frequency is divided by, `[headSize / 2]`. */
export const ROPE_FACTORS = 'rope_freqs.weight';

export async function configFromGguf(gguf: Gguf): Promise<DecoderConfig> {
  const metadata = new GgufMetadata(gguf);
  const named = metadata.string('general.architecture');
  const family = ARCHITECTURES.find((name) => name === named);
  if (!family) {
    throw new InvalidInputError(`architecture "${named}" is not supported (only ${ARCHITECTURES.join(', ')})`, {
      where: `${gguf.path}: metadata "general.architecture"`,
    });
  }
  const key = (name: string) => `${family}.${name}`;
  const hiddenSize = metadata.size(key('embedding_length'));
  const heads = metadata.size(key('attention.head_count'));
  const headSize = metadata.has(key('attention.key_length'))
    ? metadata.size(key('attention.key_length'))
    : hiddenSize / heads;
  metadata.expect(key('attention.value_length'), headSize, 'a value size unlike the key size');
  metadata.expect(key('rope.dimension_count'), headSize, 'a partial rotary embedding');
  const ropeTheta = metadata.has(key('rope.freq_base')) ? metadata.positive(key('rope.freq_base')) : 10000;
  const window = key('attention.sliding_window');
  return checkConfig(
    {
      family,
      hiddenSize,
      intermediateSize: metadata.size(key('feed_forward_length')),
      layers: metadata.size(key('block_count')),
      heads,
      keyValueHeads: metadata.has(key('attention.head_count_kv'))
        ? metadata.size(key('attention.head_count_kv'))
        : heads,
      headSize,
      vocabularySize: vocabularySize(gguf, metadata),
      maxPositions: metadata.size(key('context_length')),
      rmsNormEpsilon: metadata.positive(key('attention.layer_norm_rms_epsilon')),
      ropeTheta,
      ropeScaling: await ropeScaling(gguf, metadata, family, { headSize, ropeTheta }),
      tiedEmbeddings: !gguf.tensors.has('output.weight'),
      attentionBias: gguf.tensors.has('blk.0.attn_q.bias'),
      queryKeyNorm: family === 'qwen3',
      slidingWindow: family === 'llama' && metadata.has(window) ? metadata.size(window) : undefined,
    },
    {
      keyValueHeads: metadata.where(key('attention.head_count_kv')),
      headSize: metadata.where(
        key(metadata.has(key('attention.key_length')) ? 'attention.key_length' : 'embedding_length'),
      ),
    },
  );
}

/** The embedding's rows; the metadata's `vocab_size` is left out by some writers. */
function vocabularySize(gguf: Gguf, metadata: GgufMetadata): number {
  const rows = gguf.tensors.get('token_embd.weight')?.shape[0];
  return rows ?? metadata.strings('tokenizer.ggml.tokens').length;
}

async function ropeScaling(
  gguf: Gguf,
  metadata: GgufMetadata,
  family: string,
  rope: { headSize: number; ropeTheta: number },
): Promise<RopeScaling | undefined> {
  if (gguf.tensors.has(ROPE_FACTORS)) return llama3Scaling(await gguf.read(ROPE_FACTORS), rope, gguf.path);
  const typeKey = `${family}.rope.scaling.type`;
  const type = metadata.has(typeKey) ? metadata.string(typeKey) : 'none';
  if (type === 'none') return undefined;
  if (type === 'linear') return { type, factor: metadata.positive(`${family}.rope.scaling.factor`) };
  throw new InvalidInputError(`rotary scaling "${type}" is not supported (only none, linear, and Llama 3's)`, {
    where: `${gguf.path}: metadata "${typeKey}"`,
  });
}

/**
 * Llama 3's scaling from the divisors it led to. The slowest frequency is divided by `factor`; the other three numbers are the
 * same in all of Meta's models (low 1, high 4, 8,192 positions), and the divisors must agree with them.
 */
function llama3Scaling(
  divisors: Float32Array,
  { headSize, ropeTheta }: { headSize: number; ropeTheta: number },
  path: string,
): RopeScaling {
  const scaling = {
    type: 'llama3',
    factor: divisors[divisors.length - 1] ?? Number.NaN,
    lowFrequencyFactor: 1,
    highFrequencyFactor: 4,
    originalMaxPositions: 8192,
  } as const;
  const expected = llama3Divisors(scaling, headSize, ropeTheta);
  const agrees =
    scaling.factor >= 1 &&
    divisors.length === expected.length &&
    expected.every((value, i) => Math.abs(value - divisors[i]!) <= 1e-3 * Math.abs(value));
  if (!agrees) {
    throw new CorruptFileError('these rotary divisors are not those of Llama 3 (low 1, high 4, 8192 positions)', {
      where: `${path}: tensor "${ROPE_FACTORS}"`,
      hint: 'Use the safetensors of this model.',
    });
  }
  return scaling;
}

/** What each rotary frequency is divided by, `[headSize / 2]`. Source: `LlamaModel` of llama.cpp's convert_hf_to_gguf.py. */
export function llama3Divisors(
  scaling: Extract<RopeScaling, { type: 'llama3' }>,
  headSize: number,
  ropeTheta: number,
): number[] {
  const { factor, lowFrequencyFactor: low, highFrequencyFactor: high, originalMaxPositions: positions } = scaling;
  return Array.from({ length: headSize / 2 }, (_, i) => {
    const waveLength = 2 * Math.PI * ropeTheta ** ((2 * i) / headSize);
    if (waveLength < positions / high) return 1;
    if (waveLength > positions / low) return factor;
    const smooth = (positions / waveLength - low) / (high - low);
    return 1 / ((1 - smooth) / factor + smooth);
  });
}
