import { perQueryBinary, type RelevanceOptions } from './ranking.js';
import type { Qrels, Run } from './types.js';

/**
 * Average precision of every judged query: the precision at the rank of each relevant document, 0 for those not found,
 * averaged over all relevant ones. Its mean is MAP.
 *
 * @param k cut-off, trec_eval's `map_cut`; `Infinity` gives its `map`.
 */
export function averagePrecision(
  run: Run,
  qrels: Qrels,
  k: number,
  options: RelevanceOptions = {},
): Map<string, number> {
  return perQueryBinary(run, qrels, options, (relevant, count) => {
    let [found, sum] = [0, 0];
    for (let rank = 1; rank <= Math.min(k, relevant.length); rank++) {
      if (relevant[rank - 1]) sum += ++found / rank;
    }
    return sum / count;
  });
}
