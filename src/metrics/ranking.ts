import type { Qrels, Run, ScoredDocument } from './types.js';

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

/** Arithmetic mean of a metric over its queries; 0 when there are none. */
export function mean(values: ReadonlyMap<string, number>): number {
  let sum = 0;
  for (const value of values.values()) sum += value;
  return values.size === 0 ? 0 : sum / values.size;
}
