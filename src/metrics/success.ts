import { perQueryBinary, type RelevanceOptions } from './ranking.js';
import type { Qrels, Run } from './types.js';

/** Success@k of every judged query: 1 where a relevant document stands among the first k, else 0 (trec_eval's `success`). */
export function success(run: Run, qrels: Qrels, k: number, options: RelevanceOptions = {}): Map<string, number> {
  return perQueryBinary(run, qrels, options, (relevant) => (relevant.slice(0, k).includes(true) ? 1 : 0));
}
