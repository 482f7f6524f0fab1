import type { VectorStore } from '../search/index.js';

/** Scores of the two best documents for an instant vector: `auto` may go by how far they are apart. */
export const instantScoresOf = (store: Pick<VectorStore, 'search'>) => async (instant: Float32Array) =>
  (await store.search(instant, { k: 2 })).map(({ score }) => score);
