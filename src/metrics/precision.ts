import { countTrue, perQueryBinary, type RelevanceOptions } from './ranking.js';
import type { Qrels, Run } from './types.js';

/**
 * P@k of every judged query: the share of relevant documents among the first k (trec_eval's `P`). Where fewer than k
 * documents were found, the missing ones count as not relevant.
 */
export function precision(run: Run, qrels: Qrels, k: number, options: RelevanceOptions = {}): Map<string, number> {
  return perQueryBinary(run, qrels, options, (relevant) => countTrue(relevant.slice(0, k)) / k);
}
