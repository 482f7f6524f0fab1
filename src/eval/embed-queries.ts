import type { QueryEmbedding, QueryOptions, QuerySignals, Thought } from '../embedder/index.js';
import { throwIfAborted } from '../errors.js';
import { vectorFromBase64, vectorToBase64 } from '../vector-base64.js';
import type { DenseEncoder, O1Model } from './models.js';
import type { WorkOptions } from './progress.js';
import type { VectorCache } from './vector-cache.js';

/** A thought as evaluations keep it. */
export interface ThoughtRecord extends Pick<Thought, 'text' | 'finishReason' | 'logProbability' | 'vector'> {
  readonly tokens: number;
}

/** A query embedded in one way. Times are those of when it was done, alone on the machine's cores. */
export interface QueryRecord {
  readonly instant: Float32Array;
  readonly thoughts: readonly ThoughtRecord[];
  readonly signals?: QuerySignals | undefined;
  /** Until the instant vector was there. */
  readonly prefillMs: number;
  readonly totalMs: number;
  readonly truncated: boolean;
}

/** The part of the options that a query's vectors depend on. */
export type PassOptions = Pick<
  QueryOptions,
  'think' | 'thoughts' | 'temperature' | 'topP' | 'seed' | 'maxTokens' | 'thought'
>;

/** Raise it when thoughts are drawn otherwise: neither key nor fingerprint would tell. */
const RECORD_VERSION = 1;

/** A query, and how it is to be embedded. */
export interface QueryTask {
  readonly text: string;
  readonly options: PassOptions;
}

/**
 * Embeds queries one by one, so that the times are those of a user who asks alone, and a vector does not depend on its
 * neighbours in any numeric mode.
 */
export async function embedQueries(
  tasks: readonly QueryTask[],
  model: O1Model,
  cache: VectorCache,
  task: string,
  { signal, onProgress }: WorkOptions = {},
): Promise<QueryRecord[]> {
  const records: QueryRecord[] = [];
  let worked = 0;
  for (const { text, options } of tasks) {
    throwIfAborted(signal);
    const key = ['query', RECORD_VERSION, text, options];
    let stored = await cache.get<StoredQuery>(key);
    if (!stored) {
      stored = storedOf(await model.embedQuery(text, { ...options, signal }));
      await cache.set(key, stored);
      worked++;
    }
    records.push(recordOf(stored));
    onProgress?.({ task, unit: 'queries', done: records.length, total: tasks.length, worked });
  }
  return records;
}

interface PlainQuery {
  readonly vector: string;
  readonly ms: number;
}

/** Queries as an encoder without thoughts embeds them, likewise one by one. */
export async function embedPlainQueries(
  texts: readonly string[],
  encoder: DenseEncoder,
  cache: VectorCache,
  task: string,
  { signal, onProgress }: WorkOptions = {},
): Promise<{ readonly vectors: Float32Array[]; readonly ms: number[] }> {
  const [vectors, ms]: [Float32Array[], number[]] = [[], []];
  let worked = 0;
  for (const text of texts) {
    throwIfAborted(signal);
    const key = ['plain query', text];
    let stored = await cache.get<PlainQuery>(key);
    if (!stored) {
      const start = performance.now();
      const [vector] = await encoder.embed([text], signal ? { signal } : {});
      stored = { vector: vectorToBase64(vector!), ms: performance.now() - start };
      await cache.set(key, stored);
      worked++;
    }
    vectors.push(vectorFromBase64(stored.vector));
    ms.push(stored.ms);
    onProgress?.({ task, unit: 'queries', done: vectors.length, total: texts.length, worked });
  }
  return { vectors, ms };
}

type StoredThought = Omit<ThoughtRecord, 'vector'> & { readonly vector: string };
type StoredQuery = Omit<QueryRecord, 'instant' | 'thoughts'> & {
  readonly instant: string;
  readonly thoughts: readonly StoredThought[];
};

function storedOf({ instant, thoughts, signals, truncated, timings }: QueryEmbedding): StoredQuery {
  return {
    instant: vectorToBase64(instant),
    thoughts: thoughts.map(({ text, tokens, finishReason, logProbability, vector }) => ({
      text,
      tokens: tokens.length,
      finishReason,
      logProbability,
      vector: vectorToBase64(vector),
    })),
    signals,
    prefillMs: timings.prefillMs,
    totalMs: timings.totalMs,
    truncated,
  };
}

const recordOf = ({ instant, thoughts, ...rest }: StoredQuery): QueryRecord => ({
  ...rest,
  instant: vectorFromBase64(instant),
  thoughts: thoughts.map((thought) => ({ ...thought, vector: vectorFromBase64(thought.vector) })),
});
