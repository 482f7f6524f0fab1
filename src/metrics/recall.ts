import { countTrue, perQueryBinary, type RelevanceOptions } from './ranking.js';
import type { Qrels, Run } from './types.js';

/** Recall@k of every judged query: the share of its relevant documents that stand among the first k (trec_eval's `recall`). */
export function recall(run: Run, qrels: Qrels, k: number, options: RelevanceOptions = {}): Map<string, number> {
  return perQueryBinary(run, qrels, options, (relevant, count) => countTrue(relevant.slice(0, k)) / count);
}
