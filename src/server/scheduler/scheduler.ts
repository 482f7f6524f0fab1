import { setImmediate as breathe, setTimeout as sleep } from 'node:timers/promises';
import type { QueryOptions } from '../../embedder/index.js';
import { throwIfAborted } from '../../errors.js';
import { EventStream } from '../event-stream.js';
import type { DocumentInput, ServiceDocumentOptions, ServiceEvent } from '../service.js';
import { QueueFullError, ServiceUnavailableError } from '../service-errors.js';
import { cutDocument } from './cut-text.js';
import { DocumentQueue } from './document-queue.js';
import type { Engine } from './engine.js';
import { FairShare } from './fair-share.js';
import { Pace } from './pace.js';
import { QueryQueue } from './query-queue.js';

export interface SchedulerSettings {
  /** Thoughts that are written side by side. Default 16. */
  readonly maxThoughts?: number | undefined;
  /** Requests that may wait; one more is refused. Default 64. */
  readonly maxWaiting?: number | undefined;
  /** Tokens of one run of the model, padding included, so that nobody waits long for the next one. Default 256. */
  readonly maxRunTokens?: number | undefined;
  /** A clock in milliseconds. Default `performance.now`. */
  readonly now?: (() => number) | undefined;
  /** Called when `load` may have changed. */
  readonly onLoad?: ((load: Load) => void) | undefined;
}

export interface Load {
  /** Requests that have been taken and not been begun; of documents, those not finished. */
  readonly waiting: number;
  /** Thoughts being written. */
  readonly thinking: number;
}

/**
 * After so many readings of queries with a deadline in a row everybody else has a run too. To come that far, queries with
 * deadlines alone must come as quickly as the model can read them.
 */
const URGENT_IN_A_ROW = 8;

/** How often it is looked whether a search has been made, where there is nothing else to do. */
const SEARCH_CHECK_MS = 1;

/**
 * Shares one model among many callers. One run of the model at a time; the coming one is the first of these that there is:
 *
 * 1. the reading of queries with a deadline, the earliest first: each waits for no more than the run in progress;
 * 2. in turns, the reading of other queries, several in one run, so that each has its instant vector soon; and
 * 3. one decode step of all thoughts, or one chunk of documents, half of the time each while there are both.
 *
 * Between the runs new requests come in, what was cancelled is dropped, and what has reached its deadline is answered.
 */
export class Scheduler {
  readonly #engine: Engine;
  readonly #maxWaiting: number;
  readonly #maxRunTokens: number;
  readonly #now: () => number;
  readonly #onLoad: ((load: Load) => void) | undefined;
  readonly #queries: QueryQueue;
  readonly #documents: DocumentQueue;
  readonly #share = new FairShare(['thoughts', 'documents']);
  readonly #pace = new Pace();
  #running: Promise<void> | undefined;
  /** Readings of queries with a deadline since anything else had a run. */
  #urgentRuns = 0;
  /** The last run of all others was a reading. */
  #hasRead = false;
  #stopping = false;
  /** The time for finishing is over. */
  #hurry = false;

  constructor(engine: Engine, settings: SchedulerSettings = {}) {
    const { maxThoughts = 16, maxWaiting = 64, maxRunTokens = 256, now = () => performance.now() } = settings;
    const onAnswer = () => this.#pace.finished(now());
    const prepare = (document: DocumentInput) => {
      const text = typeof document === 'string' ? document : engine.decodeTokens(document);
      return { text, tokens: Math.min(engine.settings.lengths.document, engine.countTokens(text)) };
    };
    this.#engine = engine;
    this.#documents = new DocumentQueue({ prepare, onAnswer });
    this.#queries = new QueryQueue(engine, { maxThoughts, maxRunTokens, now, onAnswer });
    this.#maxWaiting = maxWaiting;
    this.#maxRunTokens = maxRunTokens;
    this.#now = now;
    this.#onLoad = settings.onLoad;
  }

  get load(): Load {
    return { waiting: this.#queries.waiting + this.#documents.jobs, thinking: this.#queries.rows };
  }

  /** As `EmbeddingService.embedDocuments`. */
  async embedDocuments(
    documents: readonly DocumentInput[],
    options: ServiceDocumentOptions = {},
  ): Promise<Float32Array[]> {
    throwIfAborted(options.signal);
    this.#assertRoom();
    if (documents.length === 0) return [];
    const { lengths } = this.#engine.settings;
    const cut = documents.map((document) => cutDocument(document, lengths.document));
    const vectors = this.#documents.add(cut, options);
    this.#wake();
    return vectors;
  }

  /** As `EmbeddingService.query`. Takes the query at once, not when the first event is asked for. */
  query(text: string, options: QueryOptions = {}): AsyncIterable<ServiceEvent> {
    try {
      throwIfAborted(options.signal);
      this.#assertRoom();
      const events = this.#queries.add(text, options);
      this.#wake();
      return events;
    } catch (error) {
      const refused = new EventStream<ServiceEvent>();
      refused.fail(error);
      return refused;
    }
  }

  /** Refuses new requests and waits for those it has. After `graceMs` they are answered with what is there, or refused. */
  async drain(graceMs?: number): Promise<void> {
    this.#stopping = true;
    const hurry = () => {
      this.#hurry = true;
    };
    const timer = graceMs === undefined ? undefined : setTimeout(hurry, graceMs);
    await this.#running;
    clearTimeout(timer);
  }

  #assertRoom(): void {
    if (this.#stopping) throw new ServiceUnavailableError('the server is stopping.');
    const { waiting } = this.load;
    if (waiting >= this.#maxWaiting) throw new QueueFullError(waiting, this.#pace.secondsFor(waiting, this.#now()));
  }

  #wake(): void {
    this.#onLoad?.(this.load);
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined;
    });
  }

  async #run(): Promise<void> {
    // Callers that ask in the same tick are read in the same run.
    await breathe();
    this.#pace.begin(this.#now());
    this.#urgentRuns = 0;
    while (!this.#queries.isEmpty || this.#documents.jobs > 0) {
      try {
        await this.#turn();
        this.#onLoad?.(this.load);
      } catch (error) {
        // Not one request's fault, as far as can be told: all have it as their answer, and the next ones are served.
        this.#queries.failAll(error);
        this.#documents.failAll(error);
      }
    }
  }

  /** At most one run of the model. */
  async #turn(): Promise<void> {
    this.#settle();
    await this.#queries.decide();
    const isOthersTurn = this.#urgentRuns === URGENT_IN_A_ROW;
    let isIdle = false;
    if (!isOthersTurn && (await this.#queries.read('urgent'))) {
      this.#urgentRuns++;
    } else {
      this.#urgentRuns = 0;
      // Where it was the others' turn, queries with a deadline may still be waiting.
      isIdle = !(await this.#ordinaryRun()) && !isOthersTurn;
    }
    // What has come in the meantime is taken.
    await (isIdle && this.#queries.isSearching ? sleep(SEARCH_CHECK_MS) : breathe());
  }

  /** Returns whether there was anything to run. */
  async #ordinaryRun(): Promise<boolean> {
    const busy = [
      ...(this.#queries.rows > 0 ? ['thoughts' as const] : []),
      ...(this.#documents.hasWork ? ['documents' as const] : []),
    ];
    // Where there is nothing to take turns with, one reading follows the other.
    const mayRead = !this.#hasRead || busy.length === 0;
    this.#hasRead = mayRead && (await this.#queries.read('others'));
    if (this.#hasRead) return true;
    const next = this.#share.choose(busy);
    const start = this.#now();
    if (next === 'thoughts') await this.#queries.step();
    if (next === 'documents') await this.#embedChunk();
    if (next) this.#share.spend(next, this.#now() - start);
    return next !== undefined;
  }

  #settle(): void {
    this.#queries.settle();
    if (!this.#hurry) return;
    const refusal = new ServiceUnavailableError('the server stopped before this request was finished.');
    this.#queries.endAll(refusal);
    this.#documents.failAll(refusal);
  }

  async #embedChunk(): Promise<void> {
    const chunk = this.#documents.take(this.#maxRunTokens);
    if (chunk.texts.length === 0) return;
    let vectors: readonly Float32Array[];
    try {
      vectors = await this.#engine.embedDocuments(chunk.texts);
    } catch (error) {
      chunk.fail(error);
      return;
    }
    chunk.finish(vectors);
  }
}
