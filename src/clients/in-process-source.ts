import type { EmbeddingSource, Think } from './embedding-source.js';

/** What is needed of an embedder in this process; an `O1Embedder` has it. */
export interface InProcessEmbedder {
  countTokens(text: string): number;
  embedDocuments(
    texts: readonly string[],
    options: { readonly signal?: AbortSignal | undefined },
  ): Promise<Float32Array[]>;
  embedQueries(
    texts: readonly string[],
    options?: { readonly think?: Think | undefined; readonly signal?: AbortSignal | undefined },
  ): Promise<readonly { readonly vector: Float32Array }[]>;
}

/** Vectors from an embedder in this process: no server, no copies. The embedder stays the caller's, who closes it. */
export function inProcessSource(embedder: InProcessEmbedder): EmbeddingSource {
  return {
    async embed(texts, { inputType, think = 'never', signal }) {
      const tokens = texts.reduce((sum, text) => sum + embedder.countTokens(text), 0);
      if (inputType === 'document') return { vectors: await embedder.embedDocuments(texts, { signal }), tokens };
      const embeddings = await embedder.embedQueries(texts, { think, signal });
      return { vectors: embeddings.map(({ vector }) => vector), tokens };
    },
  };
}
