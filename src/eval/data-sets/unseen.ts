import type { Qrels } from '../../metrics/index.js';

/**
 * The queries none of whose relevant documents is relevant in the other judgements: the part of a test split that shares no
 * answer with training.
 *
 * @param others judgements of the splits that were trained or tuned on.
 */
export function unseenQueries(qrels: Qrels, others: readonly Qrels[]): Set<string> {
  const seen = new Set(others.flatMap((other) => [...other.values()].flatMap((grades) => relevantIn(grades))));
  return new Set([...qrels].filter(([, grades]) => !relevantIn(grades).some((id) => seen.has(id))).map(([id]) => id));
}

const relevantIn = (grades: ReadonlyMap<string, number>) =>
  [...grades].filter(([, grade]) => grade > 0).map(([id]) => id);
