import { throwIfAborted } from '../../errors.js';
import { Bm25, type DocumentRecord, documentText } from '../../search/index.js';

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
