/** Tokens a second of one sequence, greedy, against llama.cpp on the same file and against the memory's speed. */
import { generate, LAYER_LINEARS, linearShape } from '../../dist/decoder/index.js';
import { readBandwidth } from '../lib/bandwidth.mjs';
import { loadDecoder, modelFiles, OUR_THREADS } from '../lib/model.mjs';
import { LLAMA_CPP, startLlamaCpp } from '../lib/peers.mjs';
import { QUERY } from '../lib/texts.mjs';
import { bestSetting, takeTurns } from '../lib/timing.mjs';

const TOKENS = 64;
/** Enough to see which number of threads is better. */
const TRIAL_TOKENS = 16;

/** @param {import('../lib/report.mjs').Report} report */
export async function run(report) {
  const { decoder, tokenizer } = await loadDecoder('int4');
  const llama = await startLlamaCpp(report, (await modelFiles()).path);
  try {
    const setting = llama && (await bestSetting([1, 2], (threads) => decodePeer(llama, threads, TRIAL_TOKENS)));
    if (setting) report.note(`${LLAMA_CPP}: best with ${setting.best} threads; ours with ${OUR_THREADS}`);

    const prompt = tokenizer.encode(QUERY);
    report.note(`prompt of ${prompt.length} tokens, ${TOKENS} steps after the first token, greedy`);
    const { ours, peer } = await takeTurns({
      ours: () => decodeOurs(decoder, prompt),
      peer: setting && (() => decodePeer(llama, setting.best, TOKENS)),
    });
    const unit = /** @type {const} */ ('tokens/s');
    report.row({ what: 'decode, one sequence, int4', unit, ours, peer, peerName: LLAMA_CPP, target: '>= 2.5' });

    const bytes = int4Bytes(decoder.config);
    const bandwidth = await readBandwidth({ bytes, threads: OUR_THREADS });
    report.note(
      `memory bound: ${(bytes / 1e6).toFixed(1)} MB of weights a token, read at ${(bandwidth / 1e9).toFixed(1)} GB/s ` +
        `(ONNX Runtime's ReduceSum over a matrix of that size, ${OUR_THREADS} threads)`,
    );
    report.row({
      what: 'decode, against the memory bound',
      unit,
      ours,
      peer: bandwidth / bytes,
      peerName: 'read bandwidth / bytes of weights a token',
    });
  } finally {
    await llama?.close();
    await decoder.close();
  }
}

/**
 * Tokens a second after the first one, through the library's own loop, sampling included.
 * @param {import('../../dist/decoder/index.js').Decoder} decoder
 * @param {readonly number[]} prompt
 * @returns {Promise<number>}
 */
async function decodeOurs(decoder, prompt) {
  /** @type {number[]} */
  const times = [];
  await generate(decoder, [prompt], { maxTokens: TOKENS + 1, onToken: () => times.push(performance.now()) });
  return TOKENS / ((Math.max(...times) - Math.min(...times)) / 1000);
}

/**
 * Tokens a second after the first one.
 * @param {import('../lib/worker.mjs').Worker} llama
 * @param {number} threads
 * @param {number} tokens
 * @returns {Promise<number>}
 */
async function decodePeer(llama, threads, tokens) {
  return (await llama.call('decode', { prompt: QUERY, tokens, threads })).tokensPerSecond;
}

/**
 * Bytes of weights one step reads in int4: every linear and the LM head once, each weight 4 bits, and for each 32 of them
 * an fp32 scale and a zero point of 4 bits.
 * @param {import('../../dist/decoder/index.js').DecoderConfig} config
 */
function int4Bytes(config) {
  const linears = LAYER_LINEARS.map((linear) => linearShape(config, linear));
  const layer = linears.reduce((sum, [outFeatures, inFeatures]) => sum + outFeatures * inFeatures, 0);
  const weights = config.layers * layer + config.vocabularySize * config.hiddenSize;
  return weights * (4 / 8 + (4 + 4 / 8) / 32);
}
