import { O1Embedder } from '../../dist/embedder/index.js';
import { MODEL, OUR_THREADS } from './model.mjs';

/**
 * The embedder under test.
 * @param {'fp32' | 'int8' | 'int4'} mode
 * @param {string} [adapter] a folder; by default the adapter that the demo uses
 */
export function loadEmbedder(mode, adapter) {
  return O1Embedder.load({ model: MODEL, adapter, mode, threads: OUR_THREADS });
}

/**
 * Settings of a thought of exactly `tokens` tokens: greedy, and not ended by `</s>`.
 * @param {number} tokens
 */
export function thoughtOf(tokens) {
  return /** @type {const} */ ({ think: 'always', thoughts: 1, temperature: 0, maxTokens: tokens, ignoreEnd: true });
}
