import type { AutoDecision, QuerySignals } from './auto-rule.js';

/** What the embedder is asked, and what it gives, for one query. */
export interface QueryOptions {
  /**
   * `never` gives the instant vector alone; `auto` thinks where the adapter's rule (`o1.json`, `thinking.auto`) says that it
   * helps. Default: what the adapter found best on its development split.
   */
  readonly think?: 'never' | 'always' | 'auto' | undefined;
  /** Thoughts to write; the final vector is made of the mean of their vectors. Default: the adapter's. */
  readonly thoughts?: number | undefined;
  /** 0 writes the likeliest thought. Default: the adapter's. */
  readonly temperature?: number | undefined;
  /** Draw from the fewest tokens that hold this share of the probability. Default: the adapter's. */
  readonly topP?: number | undefined;
  /** Draw from this many likeliest tokens. Default: from all. */
  readonly topK?: number | undefined;
  /** The same seed gives the same thoughts (in fp32 whatever else runs beside). Default 0. */
  readonly seed?: number | undefined;
  /** At most this many tokens a thought. Default, and upper bound: the adapter's length policy. */
  readonly maxTokens?: number | undefined;
  /** After this many milliseconds the best vector so far is given. Default: no deadline. */
  readonly deadlineMs?: number | undefined;
  /** A thought of the caller's own, embedded as it is (cut to the length policy); none is written. */
  readonly thought?: string | undefined;
  /** Share of the instant vector in the final one, 0 to 1; the rest is the thoughts'. Default: the adapter's. */
  readonly instantWeight?: number | undefined;
  /**
   * Scores of a search with the instant vector, descending; two are enough. Asked for `think: 'auto'` where the adapter's rule
   * is about their margin.
   */
  readonly instantScores?: ((instant: Float32Array) => readonly number[] | Promise<readonly number[]>) | undefined;
  /** Writes `maxTokens` tokens whatever the model says. For measuring; default false. */
  readonly ignoreEnd?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface Thought {
  /** Which of the query's thoughts it is, from 0 up, as in its `token` events. */
  readonly sample: number;
  readonly text: string;
  readonly tokens: readonly number[];
  /** `stop`: the model ended it. `length`: it reached `maxTokens`. `given`: the caller's own. */
  readonly finishReason: 'stop' | 'length' | 'given';
  /**
   * Mean of the log probabilities of its tokens at temperature 1, marks left out of the distribution; 0 for a thought of no
   * tokens.
   */
  readonly logProbability: number;
  /** Unit length. */
  readonly vector: Float32Array;
}

export interface Timings {
  /** From the start of the call's turn to the instant vector, in ms. */
  readonly prefillMs: number;
  /** From the instant vector to the last finished thought, in ms. */
  readonly thinkMs: number;
  /** Reading `</s>` and `<emb>` after the last finished thought, in ms; part of `thinkMs`. */
  readonly closingMs: number;
  readonly totalMs: number;
}

export interface QueryEmbedding {
  /** The vector of the query alone, unit length. */
  readonly instant: Float32Array;
  /** The vector to search with, unit length: {@link finalVector} of instant vector and thoughts, or the instant one. */
  readonly vector: Float32Array;
  /** What `vector` is made of. */
  readonly basis: 'instant' | 'thoughts';
  /** Finished thoughts only, by sample. */
  readonly thoughts: readonly Thought[];
  /** What `auto` decided; absent where nothing was to be decided. */
  readonly decision?: AutoDecision | undefined;
  /** What was known before the thoughts; absent with `think: 'never'` and with a given thought. */
  readonly signals?: QuerySignals | undefined;
  /** The deadline passed before all thoughts were finished. */
  readonly deadlineReached: boolean;
  /** The query was longer than the length policy allows, and was cut. */
  readonly truncated: boolean;
  readonly timings: Timings;
}

/** What `streamQuery` yields, in this order: one `instant`, any number of `token`, one `final`. */
export type QueryEvent =
  | {
      readonly type: 'instant';
      readonly vector: Float32Array;
      readonly prefillMs: number;
      readonly signals?: QuerySignals | undefined;
    }
  | {
      readonly type: 'token';
      readonly sample: number;
      readonly token: number;
      /** Text that this token completes; empty in the middle of a character. */
      readonly text: string;
    }
  | ({ readonly type: 'final' } & QueryEmbedding);
