import type { ModelRun, O1Settings, OnRun, QueryOptions } from '../../embedder/index.js';
import {
  CorruptFileError,
  InvalidInputError,
  MismatchError,
  NotFoundError,
  O1Error,
  type O1ErrorDetails,
} from '../../errors.js';
import type { Engine } from '../scheduler/engine.js';
import type { Load, SchedulerSettings } from '../scheduler/scheduler.js';
import type { DocumentInput, ServiceEvent } from '../service.js';
import { QueueFullError, ServiceUnavailableError } from '../service-errors.js';

/** What the worker is started with. */
export interface WorkerStart {
  /** Address of a module that exports `createEngine`. */
  readonly module: string;
  /** Its argument. */
  readonly parameters: unknown;
  readonly scheduler: Pick<SchedulerSettings, 'maxThoughts' | 'maxWaiting' | 'maxRunTokens'>;
}

/**
 * What a worker's module makes the engine with. `report` hands anything that can be copied to the other thread; `onRun` is to be
 * told of each run of the model, for the metrics.
 */
export type CreateEngine = (parameters: never, report: (progress: unknown) => void, onRun: OnRun) => Promise<Engine>;

/** To the worker. An answer to a request carries its id. */
export type Request =
  | { readonly type: 'documents'; readonly id: number; readonly documents: readonly DocumentInput[] }
  | {
      readonly type: 'query';
      readonly id: number;
      readonly text: string;
      readonly options: QueryOptions;
      /** The caller has `instantScores`. */
      readonly hasScores: boolean;
      /** When it was sent, as {@link sharedClock} has it. */
      readonly sentAt: number;
    }
  | { readonly type: 'cancel'; readonly id: number }
  | { readonly type: 'scores'; readonly id: number; readonly scores: readonly number[] }
  | { readonly type: 'noScores'; readonly id: number; readonly error: ErrorMessage }
  | { readonly type: 'close'; readonly graceMs: number | undefined };

/** From the worker. */
export type Answer =
  | { readonly type: 'progress'; readonly progress: unknown }
  | ({ readonly type: 'ready' } & ServiceFacts)
  | { readonly type: 'notReady'; readonly error: ErrorMessage }
  | { readonly type: 'load'; readonly load: Load }
  | { readonly type: 'run'; readonly run: ModelRun }
  | { readonly type: 'documentsDone'; readonly id: number; readonly done: number; readonly tokens: number }
  | { readonly type: 'event'; readonly id: number; readonly event: ServiceEvent }
  | { readonly type: 'vectors'; readonly id: number; readonly vectors: Float32Array[] }
  | { readonly type: 'error'; readonly id: number; readonly error: ErrorMessage }
  | { readonly type: 'askScores'; readonly id: number; readonly instant: Float32Array };

export type Ready = Extract<Answer, { readonly type: 'ready' }>;

/** What is known of a service once it is loaded. */
export interface ServiceFacts {
  readonly fingerprint: string;
  readonly modelName: string;
  readonly dimensions: number;
  readonly settings: Pick<O1Settings, 'lengths' | 'thinking'>;
}

/** Milliseconds by a clock that all threads of this process share and that only goes forward. */
export const sharedClock = (): number => performance.timeOrigin + performance.now();

/** An error on its way between threads, which know no classes of ours. */
export interface ErrorMessage {
  readonly name: string;
  readonly message: string;
  readonly stack: string | undefined;
  readonly queue?: { readonly waiting: number; readonly retryAfterSeconds: number };
}

export function errorToMessage(error: unknown): ErrorMessage {
  if (!(error instanceof Error)) return { name: 'Error', message: String(error), stack: undefined };
  const { name, message, stack } = error;
  if (!(error instanceof QueueFullError)) return { name, message, stack };
  const { waiting, retryAfterSeconds } = error;
  return { name, message, stack, queue: { waiting, retryAfterSeconds } };
}

const CLASSES: Record<string, new (message: string, details?: O1ErrorDetails) => O1Error> = {
  O1Error,
  InvalidInputError,
  CorruptFileError,
  MismatchError,
  NotFoundError,
  ServiceUnavailableError,
};

/** An error of the same class and message. */
export function errorFromMessage({ name, message, stack, queue }: ErrorMessage): Error {
  if (queue) return new QueueFullError(queue.waiting, queue.retryAfterSeconds);
  const error = new (CLASSES[name] ?? Error)(message);
  // Where it happened is in the other thread.
  if (stack !== undefined) error.stack = stack;
  return error;
}
