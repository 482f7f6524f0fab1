/** Batches of the joint training step: Node API queries with an expert's thoughts, and the documents that answer them. */
import { openCheckpoint } from '../../dist/decoder/index.js';
import { openAdapter, Sequences } from '../../dist/embedder/index.js';
import { modelFiles } from './model.mjs';
import { corpus, expertThoughts, queries } from './texts.mjs';

/**
 * Token ids, as every contestant takes them. Document i is the positive of query i.
 * @typedef {object} TokenBatch
 * @property {number[]} marks `<query>`, `<doc>`, `<thought>`, `<emb>`
 * @property {number[][]} queries `<query> q <emb> <thought> t </s> <emb>`
 * @property {number[]} instantAt place of each query's first `<emb>`
 * @property {number[][]} documents `<doc> d <emb>`
 */

/**
 * The first queries of the train split, which come in no order.
 * @param {number} size
 * @returns {Promise<TokenBatch>}
 */
export async function jointBatch(size) {
  const { settings } = await openAdapter();
  const checkpoint = await openCheckpoint(await modelFiles());
  const { tokenizer } = checkpoint;
  await checkpoint.close();
  const sequences = new Sequences(tokenizer, settings);
  const { query, document, thought, embedding, end } = settings.tokens;
  const { texts, qrels } = queries('train');
  const thoughts = expertThoughts();
  const documents = corpus();
  /** @type {TokenBatch} */
  const batch = { marks: [query, document, thought, embedding], queries: [], instantAt: [], documents: [] };
  for (const [id, text] of [...texts].slice(0, size)) {
    const { ids, embeddingAt } = sequences.query(text);
    const written = tokenizer.encode(thoughts.get(id) ?? '').slice(0, settings.lengths.thought);
    const [positive] = [...(qrels.get(id) ?? [])].sort((a, b) => b[1] - a[1]);
    batch.queries.push([...ids.slice(0, embeddingAt + 1), thought, ...written, end, embedding]);
    batch.instantAt.push(embeddingAt);
    batch.documents.push([...sequences.document(documents.get(positive?.[0] ?? '') ?? '').ids]);
  }
  return batch;
}

/** @param {TokenBatch} batch */
export const tokensOf = (batch) => [...batch.queries, ...batch.documents].flat().length;
