import { perQueryBinary, type RelevanceOptions } from './ranking.js';
import type { Qrels, Run } from './types.js';

/**
 * Reciprocal rank of the first relevant document among the first k, for every judged query; 0 when there is none. Its
 * mean is MRR@k.
 *
 * @param k cut-off; `Infinity` gives trec_eval's `recip_rank`.
 */
export function reciprocalRank(run: Run, qrels: Qrels, k: number, options: RelevanceOptions = {}): Map<string, number> {
  return perQueryBinary(run, qrels, options, (relevant) => {
    const index = relevant.indexOf(true);
    return index < 0 || index >= k ? 0 : 1 / (index + 1);
  });
}
