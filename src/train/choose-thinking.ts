import { dot, type O1Embedder, type O1Settings } from '../embedder/index.js';
import { mean, ndcg } from '../metrics/index.js';
import type { Recipe } from './config.js';
import type { TrainingDocument, ValidationData } from './training-data.js';

export type ThinkingChoice = O1Settings['thinking'];

/** How good one way to embed queries is on the development split. */
export interface ThinkingFigure {
  /** 0 is the instant vector. */
  readonly thoughts: number;
  readonly temperature: number;
  readonly ndcg10: number;
}

/**
 * Measures the instant vectors and each way to think that the recipe names, with the saved adapter as it is used (int8).
 * Thinking becomes the adapter's default only where it is better than not thinking.
 */
export async function chooseThinking(
  embedder: O1Embedder,
  { queries, qrels }: ValidationData,
  documents: readonly TrainingDocument[],
  ways: NonNullable<Recipe['validation']>['thinking'],
  signal?: AbortSignal,
): Promise<{ readonly choice: ThinkingChoice; readonly figures: readonly ThinkingFigure[] }> {
  const vectors = await embedder.embedDocuments(
    documents.map(({ text }) => text),
    { signal },
  );
  const texts = queries.map(({ text }) => text);
  const score = (queryVectors: readonly Float32Array[]) => {
    const run = queries.map(({ id }, i) => {
      const scored = documents.map((document, j) => ({ id: document.id, score: dot(queryVectors[i]!, vectors[j]!) }));
      return [id, scored] as const;
    });
    return mean(ndcg(new Map(run), qrels, 10));
  };
  const instant = await embedder.embedQueries(texts, { think: 'never', signal });
  const figures: ThinkingFigure[] = [
    { thoughts: 0, temperature: 0, ndcg10: score(instant.map(({ vector }) => vector)) },
  ];
  for (const way of ways) {
    const thinking = await embedder.embedQueries(texts, { ...way, topP: 1, think: 'always', signal });
    figures.push({ ...way, ndcg10: score(thinking.map(({ vector }) => vector)) });
  }
  const best = figures.reduce((a, b) => (b.ndcg10 > a.ndcg10 ? b : a));
  const { thoughts, temperature } = best.thoughts > 0 ? best : { thoughts: 1, temperature: 0 };
  return { choice: { think: best.thoughts > 0 ? 'always' : 'never', thoughts, temperature, topP: 1 }, figures };
}
