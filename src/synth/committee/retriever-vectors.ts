import { type CachedVectorsOptions, cachedVectors } from './cached-vectors.js';
import type { DenseRetriever } from './member.js';

type Options = Pick<CachedVectorsOptions, 'output' | 'signal' | 'onProgress'>;

/** Vectors of documents by a retriever, kept in the output folder. */
export function documentVectors(
  retriever: DenseRetriever,
  texts: readonly string[],
  options: Options,
): Promise<Float32Array> {
  const { fingerprint } = retriever;
  return cachedVectors(texts, {
    ...options,
    fingerprint,
    embed: (chunk, settings) => retriever.embed(chunk, settings),
  });
}

/** Vectors of queries, kept apart from those of documents where the retriever embeds the two in different ways. */
export function queryVectors(
  retriever: DenseRetriever,
  texts: readonly string[],
  options: Options,
): Promise<Float32Array> {
  const embedQueries = retriever.embedQueries?.bind(retriever);
  if (!embedQueries) return documentVectors(retriever, texts, options);
  return cachedVectors(texts, { ...options, fingerprint: `${retriever.fingerprint}/queries`, embed: embedQueries });
}
