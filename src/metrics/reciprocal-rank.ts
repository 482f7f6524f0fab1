import { perQuery } from './ranking.js';
import type { Qrels, Run } from './types.js';

/**
 * Reciprocal rank of the first relevant document among the first k, for every judged query; 0 when there is none. Its
 * mean is MRR@k.
 *
 * @param k cut-off; `Infinity` gives trec_eval's `recip_rank`.
 */
export function reciprocalRank(run: Run, qrels: Qrels, k: number): Map<string, number> {
  return perQuery(run, qrels, (ranking, grades) => {
    const index = ranking.findIndex((id) => (grades.get(id) ?? 0) >= 1);
    return index < 0 || index >= k ? 0 : 1 / (index + 1);
  });
}
