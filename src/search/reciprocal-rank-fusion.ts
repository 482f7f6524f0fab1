import { InvalidInputError } from '../errors.js';
import type { ScoredDocument } from '../metrics/index.js';

export interface FusionOptions {
  /** Damps the advantage of the first ranks. Default 60, the value of Cormack, Clarke and Buettcher (SIGIR 2009). */
  readonly k?: number;
  /** One weight a ranking. Default 1 each. */
  readonly weights?: readonly number[];
}

/**
 * Reciprocal rank fusion: each document scores the sum over the rankings of weight / (k + rank), ranks from 1.
 *
 * @param rankings documents best first; only their order counts. They may hold different documents.
 * @returns every document once, best first; equal scores in the order of first appearance.
 */
export function reciprocalRankFusion(
  rankings: readonly (readonly Pick<ScoredDocument, 'id'>[])[],
  options: FusionOptions = {},
): ScoredDocument[] {
  const { k = 60, weights = rankings.map(() => 1) } = options;
  if (weights.length !== rankings.length) {
    throw new InvalidInputError(`expected ${rankings.length} weights, one a ranking, got ${weights.length}.`);
  }
  const scores = new Map<string, number>();
  for (const [index, ranking] of rankings.entries()) {
    for (const [position, { id }] of ranking.entries()) {
      scores.set(id, (scores.get(id) ?? 0) + weights[index]! / (k + position + 1));
    }
  }
  return [...scores].map(([id, score]) => ({ id, score })).sort((a, b) => b.score - a.score);
}
