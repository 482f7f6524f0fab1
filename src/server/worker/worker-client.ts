import type { Worker } from 'node:worker_threads';
import type { OnRun, QueryOptions } from '../../embedder/index.js';
import { throwIfAborted } from '../../errors.js';
import { EventStream } from '../event-stream.js';
import { onAbort } from '../on-abort.js';
import type { Load } from '../scheduler/scheduler.js';
import type { DocumentInput, EmbeddingService, ServiceDocumentOptions, ServiceEvent } from '../service.js';
import { ServiceUnavailableError } from '../service-errors.js';
import {
  type Answer,
  errorFromMessage,
  errorToMessage,
  type Ready,
  type Request,
  type ServiceFacts,
  sharedClock,
} from './protocol.js';

/** A worker that does not end by itself is ended after this much more than the time it was given. */
const EXIT_MS = 2_000;

/** One request that the worker has not answered. */
interface Pending {
  onAnswer(answer: Exclude<Answer, { type: 'error' }>): void;
  onError(error: unknown): void;
}

/** A service whose model runs in a thread of its own: this thread's end of a worker that is ready. */
export class WorkerClient implements EmbeddingService {
  readonly fingerprint: string;
  readonly modelName: string;
  readonly dimensions: number;
  readonly settings: ServiceFacts['settings'];
  readonly #worker: Worker;
  readonly #exited: Promise<void>;
  readonly #pending = new Map<number, Pending>();
  readonly #runListeners: OnRun[] = [];
  #load: Load = { waiting: 0, thinking: 0 };
  #closing: Promise<void> | undefined;
  #failure: Error | undefined;
  #ids = 0;

  constructor(worker: Worker, ready: Ready, onFailure: ((error: Error) => void) | undefined) {
    this.#worker = worker;
    this.fingerprint = ready.fingerprint;
    this.modelName = ready.modelName;
    this.dimensions = ready.dimensions;
    this.settings = ready.settings;
    let cause: unknown;
    worker.on('message', (answer: Answer) => this.#take(answer));
    worker.on('error', (error) => {
      cause = error;
    });
    this.#exited = new Promise((resolve) => {
      worker.on('exit', (code) => {
        if (!this.#closing) {
          const why = cause instanceof Error ? cause.message : `exit code ${code}`;
          this.#failure = new ServiceUnavailableError(`the model's thread has ended: ${why}.`, { cause });
          onFailure?.(this.#failure);
        }
        this.#refuseAll();
        resolve();
      });
    });
  }

  embedDocuments(
    documents: readonly DocumentInput[],
    { signal, onProgress }: ServiceDocumentOptions = {},
  ): Promise<Float32Array[]> {
    return new Promise((resolve, reject) => {
      const id = this.#ids++;
      const stopListening = onAbort(signal, (reason) => {
        this.#cancel(id);
        reject(reason);
      });
      const onError = (error: unknown) => {
        stopListening();
        reject(error);
      };
      const onAnswer: Pending['onAnswer'] = (answer) => {
        if (answer.type === 'documentsDone') {
          onProgress?.({ done: answer.done, total: documents.length, tokens: answer.tokens });
        }
        if (answer.type !== 'vectors') return;
        this.#pending.delete(id);
        stopListening();
        resolve(answer.vectors);
      };
      try {
        throwIfAborted(signal);
        this.#send({ type: 'documents', id, documents }, { onAnswer, onError });
      } catch (error) {
        onError(error);
      }
    });
  }

  query(text: string, options: QueryOptions = {}): AsyncIterable<ServiceEvent> {
    const { signal, instantScores, ...copied } = options;
    const id = this.#ids++;
    const stream = new EventStream<ServiceEvent>(() => {
      stopListening();
      this.#cancel(id);
    });
    const stopListening = onAbort(signal, (reason) => {
      this.#cancel(id);
      stream.fail(reason);
    });
    const onError = (error: unknown) => {
      stopListening();
      stream.fail(error);
    };
    const onAnswer: Pending['onAnswer'] = (answer) => {
      if (answer.type === 'askScores') void this.#giveScores(id, answer.instant, instantScores!);
      if (answer.type !== 'event') return;
      stream.push(answer.event);
      if (answer.event.type !== 'final') return;
      this.#pending.delete(id);
      stopListening();
      stream.end();
    };
    try {
      throwIfAborted(signal);
      const hasScores = instantScores !== undefined;
      this.#send({ type: 'query', id, text, options: copied, hasScores, sentAt: sharedClock() }, { onAnswer, onError });
    } catch (error) {
      onError(error);
    }
    return stream;
  }

  status() {
    if (this.#failure) {
      return { state: 'failed' as const, reason: this.#failure.message, waiting: 0, thinking: 0 };
    }
    return { state: this.#closing ? ('stopping' as const) : ('ready' as const), ...this.#load };
  }

  onRun(listener: OnRun): void {
    this.#runListeners.push(listener);
  }

  close({ graceMs }: { readonly graceMs?: number | undefined } = {}): Promise<void> {
    this.#closing ??= this.#close(graceMs);
    return this.#closing;
  }

  async #close(graceMs: number | undefined): Promise<void> {
    this.#worker.postMessage({ type: 'close', graceMs } satisfies Request);
    const end = () => void this.#worker.terminate();
    const timer = graceMs === undefined ? undefined : setTimeout(end, graceMs + EXIT_MS);
    await this.#exited;
    clearTimeout(timer);
  }

  #send(request: Request & { readonly id: number }, pending: Pending): void {
    if (this.#failure) throw this.#failure;
    if (this.#closing) throw new ServiceUnavailableError('the server is stopping.');
    this.#pending.set(request.id, pending);
    this.#worker.postMessage(request);
  }

  #cancel(id: number): void {
    if (this.#pending.delete(id)) this.#worker.postMessage({ type: 'cancel', id } satisfies Request);
  }

  #take(answer: Answer): void {
    if (answer.type === 'load') {
      this.#load = answer.load;
    } else if (answer.type === 'run') {
      for (const listener of this.#runListeners) listener(answer.run);
    } else if (answer.type === 'error') {
      const pending = this.#pending.get(answer.id);
      this.#pending.delete(answer.id);
      pending?.onError(errorFromMessage(answer.error));
    } else if ('id' in answer) {
      // A request that was cancelled may still be answered, and may still ask: it must not wait for ever.
      const pending = this.#pending.get(answer.id);
      if (pending) pending.onAnswer(answer);
      else if (answer.type === 'askScores') this.#worker.postMessage({ type: 'scores', id: answer.id, scores: [] });
    }
  }

  async #giveScores(
    id: number,
    instant: Float32Array,
    instantScores: NonNullable<QueryOptions['instantScores']>,
  ): Promise<void> {
    let answer: Request;
    try {
      answer = { type: 'scores', id, scores: await instantScores(instant) };
    } catch (error) {
      answer = { type: 'noScores', id, error: errorToMessage(error) };
    }
    this.#worker.postMessage(answer);
  }

  #refuseAll(): void {
    const error = this.#failure ?? new ServiceUnavailableError('the server stopped before this request was finished.');
    for (const { onError } of this.#pending.values()) onError(error);
    this.#pending.clear();
  }
}
