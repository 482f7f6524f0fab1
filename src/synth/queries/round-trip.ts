import { dot } from '../../embedder/index.js';
import { throwIfAborted } from '../../errors.js';
import { Bm25, type DocumentRecord, documentText } from '../../search/index.js';

type Embed = (
  texts: readonly string[],
  options?: { readonly signal?: AbortSignal | undefined },
) => Promise<Float32Array[]>;

/** What makes vectors: a dense member of the committee. */
export interface QueryEncoder {
  /** Unit vectors in the texts' order. */
  readonly embed: Embed;
  /** Where queries are embedded in another way than documents. */
  readonly embedQueries?: Embed | undefined;
}

/** What looks for documents to see whether a query leads back to its own. */
export interface Searcher {
  readonly name: string;
  /** Ids of the best documents for each query, best first. */
  search(
    queries: readonly string[],
    top: number,
    options?: { readonly signal?: AbortSignal | undefined },
  ): Promise<string[][]>;
}

/** BM25 over a corpus. */
export function bm25Searcher(documents: readonly DocumentRecord[]): Searcher {
  let index: Bm25 | undefined;
  return {
    name: 'bm25',
    async search(queries, top, { signal } = {}) {
      index ??= new Bm25(documents.map((document) => ({ id: document.id, text: documentText(document) })));
      const results: string[][] = [];
      for (const query of queries) {
        throwIfAborted(signal);
        results.push(index.search(query, top).map(({ id }) => id));
      }
      return results;
    },
  };
}

/** The cosine of an encoder's vectors. The documents' are made at the first search, and kept in memory. */
export function encoderSearcher(name: string, encoder: QueryEncoder, documents: readonly DocumentRecord[]): Searcher {
  let vectors: Promise<Float32Array[]> | undefined;
  return {
    name,
    async search(queries, top, { signal } = {}) {
      vectors ??= encoder.embed(documents.map(documentText), { signal });
      const corpus = await vectors;
      const embedded = encoder.embedQueries
        ? await encoder.embedQueries(queries, { signal })
        : await encoder.embed(queries, { signal });
      return embedded.map((query) => {
        const scored = corpus.map((vector, i) => ({ id: documents[i]!.id, score: dot(query, vector), i }));
        return scored
          .sort((a, b) => b.score - a.score || a.i - b.i)
          .slice(0, top)
          .map(({ id }) => id);
      });
    },
  };
}
