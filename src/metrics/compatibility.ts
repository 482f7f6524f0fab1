import { perQuery } from './ranking.js';
import type { Qrels, Run } from './types.js';

/** Ranks that are compared: with p = 0.95 the weight of what lies deeper is below 1e-22. */
const DEPTH = 1000;

/**
 * Compatibility of every judged query: how like the ranking is to an ideal one, from 0 to 1 (Clarke, Vtyurina and Smucker,
 * "Assessing Top-k Preferences", ACM TOIS 2021).
 *
 * The likeness is rank-biased overlap, over that of the ideal ranking with itself. The ideal ranking is that of all
 * documents with a grade above 0, best grade first, equal grades in the order of the run.
 *
 * @param p persistence, between 0 and 1: the higher, the deeper one looks. Default 0.95.
 */
export function compatibility(run: Run, qrels: Qrels, p = 0.95): Map<string, number> {
  return perQuery(run, qrels, (ranking, grades) => {
    const rank = new Map(ranking.map((id, i) => [id, i]));
    const ideal = [...grades]
      .filter(([, grade]) => grade > 0)
      .sort(([a, gradeA], [b, gradeB]) => gradeB - gradeA || (rank.get(a) ?? DEPTH) - (rank.get(b) ?? DEPTH))
      .map(([id]) => id);
    return ideal.length === 0 ? 0 : overlap(ranking, ideal, p) / overlap(ideal, ideal, p);
  });
}

/** Rank-biased overlap: the share of common documents among the first k of each, weighted by p^(k - 1), k from 1 to DEPTH. */
function overlap(a: readonly string[], b: readonly string[], p: number): number {
  const [seenA, seenB] = [new Set<string>(), new Set<string>()];
  let [common, sum, weight] = [0, 0, 1];
  for (let k = 1; k <= DEPTH; k++) {
    const [nextA, nextB] = [a[k - 1], b[k - 1]];
    if (nextA !== undefined) seenA.add(nextA);
    if (nextB !== undefined) seenB.add(nextB);
    if (nextA !== undefined && seenB.has(nextA)) common++;
    if (nextB !== undefined && nextB !== nextA && seenA.has(nextB)) common++;
    sum += (weight * common) / k;
    weight *= p;
  }
  return sum;
}
