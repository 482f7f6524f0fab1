import type { O1Settings, OnRun, QueryEmbedding, QueryEvent, QueryOptions } from '../embedder/index.js';

/** Tokens that a query took. */
export interface QueryUsage {
  /** Of the query and of a given thought, as far as they are read, without the marks around them. */
  readonly promptTokens: number;
  /** Of the thoughts that were written, also of those that a deadline cut off. */
  readonly thoughtTokens: number;
}

export type ServiceEmbedding = QueryEmbedding & { readonly usage: QueryUsage };

/** A query's event; the final one says what it took and where it comes from. */
export type ServiceEvent =
  | Exclude<QueryEvent, { readonly type: 'final' }>
  | ({
      readonly type: 'final';
      /** From the thought cache: nothing was computed. */
      readonly cached?: true;
    } & ServiceEmbedding);

/** A document: its text, or the ids of this model's own tokens. */
export type DocumentInput = string | readonly number[];

export interface ServiceDocumentOptions {
  readonly signal?: AbortSignal | undefined;
  /** `tokens` counts the texts' tokens read so far, without the marks around them. */
  readonly onProgress?:
    | ((progress: { readonly done: number; readonly total: number; readonly tokens: number }) => void)
    | undefined;
}

/** How busy a service is, and whether it answers. */
export interface ServiceStatus {
  /** `stopping`: finishes what it has; `failed`: will not answer again. */
  readonly state: 'ready' | 'stopping' | 'failed';
  /** Why it failed. */
  readonly reason?: string;
  /** Requests that have been taken and not been begun. */
  readonly waiting: number;
  /** Thoughts being written. */
  readonly thinking: number;
}

/**
 * One model that embeds and thinks for many callers at once. The HTTP server, MCP and the clients ask it; whether the
 * model runs in this thread or in another they do not know.
 *
 * @throws QueueFullError from `embedDocuments` and `query` when too many requests wait, ServiceUnavailableError when the
 * service stops or has failed, InvalidInputError for options that the embedder does not take.
 */
export interface EmbeddingService {
  /** Model, adapter, numeric mode and length policy: vectors of equal fingerprints may be compared. */
  readonly fingerprint: string;
  /** What clients call the model. */
  readonly modelName: string;
  readonly dimensions: number;
  /** The adapter's: how long texts may be, and how it thinks where the options do not say. */
  readonly settings: Pick<O1Settings, 'lengths' | 'thinking'>;
  /** Unit vectors of documents, in their order. Token ids beyond the length policy are not looked at. */
  embedDocuments(documents: readonly DocumentInput[], options?: ServiceDocumentOptions): Promise<Float32Array[]>;
  /**
   * The query's events as `O1Embedder.streamQuery` yields them: one `instant`, any number of `token`, one `final`.
   * `deadlineMs` counts from the call, waiting included. To stop early, abort the signal or leave the loop.
   */
  query(text: string, options?: QueryOptions): AsyncIterable<ServiceEvent>;
  /** Absent: always ready, load unknown. */
  status?(): ServiceStatus;
  /** From now on `listener` is told of each run of the model. Absent: they are not measured. */
  onRun?(listener: OnRun): void;
  /**
   * Refuses new requests, finishes those it has, then frees the model. What is not finished after `graceMs` (default: no
   * limit) is answered with what is there, or refused.
   */
  close(options?: { readonly graceMs?: number | undefined }): Promise<void>;
}

/** The last event's embedding of a query. */
export async function queryEmbedding<Event extends QueryEvent>(
  service: { query(text: string, options?: QueryOptions): AsyncIterable<Event> },
  text: string,
  options: QueryOptions = {},
): Promise<Extract<Event, { type: 'final' }>> {
  for await (const event of service.query(text, options)) {
    if (event.type === 'final') return event as Extract<Event, { type: 'final' }>;
  }
  throw new Error('the query ended without a final event');
}
