import type { Qrels, Run, ScoredDocument } from './types.js';

/** What a metric that knows relevant and not relevant takes as relevant. */
export interface RelevanceOptions {
  /** Least grade of a relevant document, trec_eval's `-l`. Default 1. */
  readonly relevantFrom?: number;
}

/**
 * Document ids in the order in which trec_eval ranks them: score descending, equal scores by id descending (compared
 * as UTF-8 bytes). The order in which the retriever returned them does not count.
 */
export function rankedIds(documents: readonly ScoredDocument[]): string[] {
  return [...documents].sort((a, b) => b.score - a.score || compareBytes(b.id, a.id)).map(({ id }) => id);
}

function compareBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

/**
 * Applies a metric to every query of `qrels`.
 *
 * A query without results, or without a relevant document, counts with 0, as in `trec_eval -c`; queries of the run
 * that have no judgements are left out.
 */
export function perQuery(
  run: Run,
  qrels: Qrels,
  metric: (ranking: readonly string[], grades: ReadonlyMap<string, number>) => number,
): Map<string, number> {
  return new Map([...qrels].map(([queryId, grades]) => [queryId, metric(rankedIds(run.get(queryId) ?? []), grades)]));
}

/** The same for metrics that know relevant and not relevant only. @param metric gets the relevance of each rank, best first. */
export function perQueryBinary(
  run: Run,
  qrels: Qrels,
  { relevantFrom = 1 }: RelevanceOptions,
  metric: (relevant: readonly boolean[], relevantCount: number) => number,
): Map<string, number> {
  return perQuery(run, qrels, (ranking, grades) => {
    const isRelevant = (grade: number | undefined) => grade !== undefined && grade >= relevantFrom;
    const relevantCount = [...grades.values()].filter(isRelevant).length;
    if (relevantCount === 0) return 0;
    return metric(
      ranking.map((id) => isRelevant(grades.get(id))),
      relevantCount,
    );
  });
}

export const countTrue = (values: readonly boolean[]): number => values.filter(Boolean).length;

/** Arithmetic mean of a metric over its queries; 0 when there are none. */
export function mean(values: ReadonlyMap<string, number>): number {
  let sum = 0;
  for (const value of values.values()) sum += value;
  return values.size === 0 ? 0 : sum / values.size;
}
