import { Bm25, documentText, reciprocalRankFusion, type SearchHit, type VectorStore } from '../search/index.js';

/** How many hits of each ranking are fused: deep enough that a document both rankings like is found. */
const FUSION_DEPTH = 100;

/** Finds documents by vector, or by vector and words together. */
export interface Retriever {
  search(query: string, vector: Float32Array, top: number): Promise<SearchHit[]>;
}

/** @param hybrid fuse with BM25 by reciprocal rank; scores are the fusion's then. */
export async function createRetriever(store: VectorStore, hybrid: boolean): Promise<Retriever> {
  if (!hybrid) return { search: (_, vector, top) => store.search(vector, { k: top }) };
  const texts: { id: string; text: string }[] = [];
  for await (const record of store.documents()) texts.push({ id: record.id, text: documentText(record) });
  const bm25 = new Bm25(texts);
  return {
    async search(query, vector, top) {
      const depth = Math.max(top, FUSION_DEPTH);
      const fused = reciprocalRankFusion([await store.search(vector, { k: depth }), bm25.search(query, depth)]);
      const best = fused.slice(0, top);
      const documents = await store.get(best.map(({ id }) => id));
      return best.map(({ id, score }) => {
        const { textHash: _, vector: __, ...record } = documents.get(id)!;
        return { ...record, score };
      });
    },
  };
}
