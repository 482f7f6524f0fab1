import { O1Embedder } from '../../dist/embedder/index.js';
import { DocumentMatrix } from '../../dist/eval/index.js';
import { documentText } from '../../dist/search/index.js';
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

/**
 * Documents that are embedded and can be searched.
 * @param {O1Embedder} embedder
 * @param {readonly import('../../dist/search/index.js').DocumentRecord[]} documents
 */
export async function searchable(embedder, documents) {
  const vectors = await embedder.embedDocuments(documents.map(documentText));
  return new DocumentMatrix(
    documents.map(({ id }) => id),
    vectors,
  );
}
