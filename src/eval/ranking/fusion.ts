import { mean, ndcg, type Qrels, type ScoredDocument } from '../../metrics/index.js';
import { reciprocalRankFusion } from '../../search/index.js';

/** How two rankings become one. */
export type FusionMethod =
  | { readonly method: 'weighted' /** Share of the first ranking, 0 to 1. */; readonly weight: number }
  | { readonly method: 'rrf' };

/** Fuses two rankings of one query, best first. @returns every document once, best first. */
export function fuse(
  method: FusionMethod,
  first: readonly ScoredDocument[],
  second: readonly ScoredDocument[],
): ScoredDocument[] {
  if (method.method === 'rrf') return reciprocalRankFusion([first, second]);
  return weightedSum(minMaxScaled(first), minMaxScaled(second), method.weight);
}

/** Scores from 1 (the best) to 0 (the last): rankings of different scales become comparable. Equal scores all become 1. */
function minMaxScaled(ranking: readonly ScoredDocument[]): ScoredDocument[] {
  const [best, last] = [ranking[0]?.score ?? 0, ranking.at(-1)?.score ?? 0];
  return ranking.map(({ id, score }) => ({ id, score: best === last ? 1 : (score - last) / (best - last) }));
}

/** A document that only one ranking holds has 0 from the other. */
function weightedSum(first: readonly ScoredDocument[], second: readonly ScoredDocument[], weight: number) {
  const scores = new Map(first.map(({ id, score }) => [id, weight * score]));
  for (const { id, score } of second) scores.set(id, (scores.get(id) ?? 0) + (1 - weight) * score);
  return [...scores].map(([id, score]) => ({ id, score })).sort((a, b) => b.score - a.score);
}

/** Steps of a twentieth: finer ones would fit a hundred dev queries, not the systems. */
const WEIGHTS = Array.from({ length: 21 }, (_, i) => i / 20);

/**
 * The weight with the best nDCG@10 on a development split; of equal ones the one nearest to a half.
 *
 * @param first rankings of the first system, by query. @param second those of the second.
 */
export function chooseWeight(
  queryIds: readonly string[],
  first: readonly (readonly ScoredDocument[])[],
  second: readonly (readonly ScoredDocument[])[],
  qrels: Qrels,
): FusionMethod {
  let [chosen, highest] = [0.5, Number.NEGATIVE_INFINITY];
  for (const weight of [...WEIGHTS].sort((a, b) => Math.abs(a - 0.5) - Math.abs(b - 0.5))) {
    const run = new Map(
      queryIds.map((id, i) => [id, fuse({ method: 'weighted', weight }, first[i]!, second[i]!).slice(0, 10)]),
    );
    const value = mean(ndcg(run, qrels, 10));
    if (value > highest) [chosen, highest] = [weight, value];
  }
  return { method: 'weighted', weight: chosen };
}
