import { perQuery } from './ranking.js';
import type { Qrels, Run } from './types.js';

/** Recall@k of every judged query: the share of its relevant documents that stand among the first k (trec_eval's `recall`). */
export function recall(run: Run, qrels: Qrels, k: number): Map<string, number> {
  return perQuery(run, qrels, (ranking, grades) => {
    const relevant = [...grades.values()].filter((grade) => grade >= 1).length;
    if (relevant === 0) return 0;
    return ranking.slice(0, k).filter((id) => (grades.get(id) ?? 0) >= 1).length / relevant;
  });
}
