import type { QueryEmbedding, QueryEvent, QueryOptions } from '../../embedder/index.js';
import type { EventStream } from '../event-stream.js';

/** A query that was taken and is not answered yet. */
export interface QueryJob {
  readonly id: string;
  readonly text: string;
  readonly options: QueryOptions;
  readonly stream: EventStream<QueryEvent>;
  /** Length of its prompt, marks included. */
  readonly tokens: number;
  /** Thoughts that it may have to write. */
  readonly rows: number;
  /** By the scheduler's clock; infinite for a query that does not think. */
  readonly deadline: number;
  /** Takes the listener off the caller's signal. */
  readonly stopListening: () => void;
  /** What is known of it without thinking, once it has been read while there was no room to think. */
  instant: QueryEmbedding | undefined;
}

/** A query to be read in the coming run. */
export interface Reading {
  readonly job: QueryJob;
  /** `false`: for its instant vector alone, since there is no room to think yet, or no time. */
  readonly think: boolean;
}

/**
 * Which waiting queries the coming run reads.
 *
 * Room to think is given in the order of arrival: a query that needs several rows is not overtaken for ever by queries
 * that need one. A query without room is read all the same, once: its instant vector is the answer to a deadline.
 *
 * @param waiting in the order of arrival.
 * @param freeRows thoughts that may be begun.
 * @param maxTokens padded size of the run; a single query may be longer.
 */
export function chooseReadings(
  waiting: readonly QueryJob[],
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
  const readings = waiting
    .filter((job) => !job.instant || mayThink.has(job))
    // Those that have no vector at all come first.
    .sort((a, b) => Number(a.instant !== undefined) - Number(b.instant !== undefined))
    // Without rows there is nothing to wait for.
    .map((job) => ({ job, think: mayThink.has(job) || (job.rows === 0 && job.deadline > now) }));
  let longest = 0;
  const end = readings.findIndex(({ job }, i) => {
    longest = Math.max(longest, job.tokens);
    return i > 0 && (i + 1) * longest > maxTokens;
  });
  return end < 0 ? readings : readings.slice(0, end);
}
