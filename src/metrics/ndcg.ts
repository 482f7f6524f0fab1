import { perQuery } from './ranking.js';
import type { Qrels, Run } from './types.js';

/**
 * nDCG@k of every judged query: discounted cumulative gain of the first k documents over that of an ideal ranking.
 *
 * trec_eval's `ndcg_cut`: the gain is the grade itself (negative grades gain 0), the discount 1 / log2(rank + 1).
 *
 * @param k cut-off; `Infinity` gives trec_eval's `ndcg`.
 */
export function ndcg(run: Run, qrels: Qrels, k: number): Map<string, number> {
  return perQuery(run, qrels, (ranking, grades) => {
    const ideal = discountedGain(
      [...grades.values()].sort((a, b) => b - a),
      k,
    );
    if (ideal === 0) return 0;
    return (
      discountedGain(
        ranking.map((id) => grades.get(id) ?? 0),
        k,
      ) / ideal
    );
  });
}

function discountedGain(grades: readonly number[], k: number): number {
  let sum = 0;
  for (let rank = 1; rank <= Math.min(k, grades.length); rank++) {
    sum += Math.max(0, grades[rank - 1]!) / Math.log2(rank + 1);
  }
  return sum;
}
