import type { QueryEmbedding, QueryOptions } from '../../embedder/index.js';
import type { EventStream } from '../event-stream.js';
import type { ServiceEvent } from '../service.js';

/** A query that was taken and is not answered yet. */
export interface QueryJob {
  readonly id: string;
  readonly text: string;
  readonly options: QueryOptions;
  readonly stream: EventStream<ServiceEvent>;
  /** Length of its prompt and of a given thought, marks included. */
  readonly tokens: number;
  /** Thoughts that it may have to write. */
  readonly rows: number;
  /** When its thinking ends, by the scheduler's clock; infinite for a query that does not think. */
  readonly deadline: number;
  /** When its caller wants the answer, by the same clock, whether or not it thinks; infinite where that was not said. */
  readonly due: number;
  /** A rule decides whether it thinks, once it has been read. */
  readonly auto: boolean;
  /** Takes the listener off the caller's signal. */
  readonly stopListening: () => void;
  /** What is known of it without thinking, once it has been read while there was no room to think. */
  instant: QueryEmbedding | undefined;
  /** Tokens of its thoughts that were written so far. */
  thoughtTokens: number;
  /**
   * To be read in a turn of its own: its thought is given, which takes a run of its own; or a run with it and others broke, and
   * only the one shall fail that is to blame.
   */
  alone: boolean;
}

/** A query to be read in the coming run. */
export interface Reading {
  readonly job: QueryJob;
  /** `instant`: for its instant vector alone. `decide`: that too, and whether it has to think. `think`: with room to think. */
  readonly purpose: 'instant' | 'decide' | 'think';
}

/** Whether a query has to be read before anything else: its caller wants an answer by some time, and there is none yet. */
export const isUrgent = ({ due, instant }: QueryJob): boolean => due < Number.POSITIVE_INFINITY && !instant;

/**
 * Which waiting queries the coming run reads.
 *
 * Room to think is given in the order of arrival: a query that needs several rows is not overtaken for ever by queries
 * that need one. A query without room is read all the same, once: its instant vector is the answer to a deadline.
 *
 * @param waiting in the order of arrival.
 * @param which those that are urgent, the earliest deadline first, or the others: the urgent do not wait for the others' reading.
 * @param freeRows thoughts that may be begun.
 * @param maxTokens padded size of the run; a single query may be longer.
 */
export function chooseReadings(
  waiting: readonly QueryJob[],
  which: 'urgent' | 'others',
  freeRows: number,
  maxTokens: number,
  now: number,
): Reading[] {
  let free = freeRows;
  const mayThink = new Set<QueryJob>();
  for (const job of waiting) {
    if (job.deadline <= now) continue;
    if (job.rows > free) break;
    free -= job.rows;
    mayThink.add(job);
  }
  const ordered =
    which === 'urgent' ? waiting.filter(isUrgent).sort((a, b) => a.due - b.due) : inOrder(waiting, mayThink);
  const readings = ordered.map((job): Reading => ({ job, purpose: purposeOf(job, mayThink.has(job), now) }));
  if (readings[0]?.job.alone) return readings.slice(0, 1);
  const together = readings.filter(({ job }) => !job.alone);
  let longest = 0;
  const end = together.findIndex(({ job }, i) => {
    longest = Math.max(longest, job.tokens);
    return i > 0 && (i + 1) * longest > maxTokens;
  });
  return end < 0 ? together : together.slice(0, end);
}

/** The query that has waited for room the longest comes first in any case; then those that have no vector at all. */
function inOrder(waiting: readonly QueryJob[], mayThink: ReadonlySet<QueryJob>): QueryJob[] {
  const oldest = waiting.find((job) => job.instant && mayThink.has(job));
  const rank = (job: QueryJob) => (job === oldest ? 0 : job.instant ? 2 : 1);
  return waiting
    .filter((job) => !isUrgent(job) && (!job.instant || mayThink.has(job)))
    .sort((a, b) => rank(a) - rank(b));
}

function purposeOf({ rows, deadline, auto }: QueryJob, mayThink: boolean, now: number): Reading['purpose'] {
  if (deadline <= now) return 'instant';
  // Without rows there is nothing to wait for.
  if (mayThink || rows === 0) return 'think';
  return auto ? 'decide' : 'instant';
}
