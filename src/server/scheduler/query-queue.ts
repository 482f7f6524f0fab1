import type { BatchEvent, QueryEmbedding, QueryEvent, QueryOptions } from '../../embedder/index.js';
import { InvalidInputError } from '../../errors.js';
import { EventStream } from '../event-stream.js';
import { onAbort } from '../on-abort.js';
import type { ServiceEvent } from '../service.js';
import { cutText } from './cut-text.js';
import type { Engine, EngineBatch } from './engine.js';
import { chooseReadings, type QueryJob, type Reading } from './query-job.js';

export interface QueryQueueSettings {
  /** Thoughts that are written side by side. */
  readonly maxThoughts: number;
  /** Tokens that are read in one run, padding included. */
  readonly maxRunTokens: number;
  /** A clock in milliseconds. */
  readonly now: () => number;
  /** Called whenever a query is answered. */
  readonly onAnswer: () => void;
}

/** `<query>`, `<emb>`, `<thought>`, and the two marks that close a given thought. */
const MARKS = 5;

/** Queries that wait, and those whose thoughts are being written. Its runs of the model must not overlap. */
export class QueryQueue {
  readonly #engine: Engine;
  readonly #settings: QueryQueueSettings;
  /** Queries not yet begun, in the order of arrival. */
  #waiting: QueryJob[] = [];
  /** Queries that the batch holds. */
  readonly #begun = new Map<string, QueryJob>();
  /** Begun queries whose callers have gone: they leave the batch before its next run, not in the middle of one. */
  readonly #gone: QueryJob[] = [];
  #batch: EngineBatch;
  #ids = 0;

  constructor(engine: Engine, settings: QueryQueueSettings) {
    this.#engine = engine;
    this.#settings = settings;
    this.#batch = engine.thinkingBatch();
  }

  get waiting(): number {
    return this.#waiting.length;
  }

  /** Thoughts being written. */
  get rows(): number {
    return this.#batch.rows;
  }

  get isEmpty(): boolean {
    return this.#waiting.length + this.#begun.size === 0;
  }

  /** @throws InvalidInputError for a deadline that is no time, and for more thoughts than there can ever be room for. */
  add(wholeText: string, given: QueryOptions): EventStream<ServiceEvent> {
    const { lengths } = this.#engine.settings;
    const text = cutText(wholeText, lengths.query);
    const thought = given.thought === undefined ? undefined : cutText(given.thought, lengths.thought);
    const options = { ...given, thought };
    const size = this.#sizeOf(text, options);
    const { maxThoughts } = this.#settings;
    if (size.rows > maxThoughts) {
      throw new InvalidInputError(`thoughts must be at most ${maxThoughts} here, got ${size.rows}`);
    }
    const stream = new EventStream<ServiceEvent>(() => this.#drop(job));
    const job: QueryJob = {
      ...{ id: String(this.#ids++), text, options, stream, ...size, instant: undefined, thoughtTokens: 0 },
      stopListening: onAbort(options.signal, (reason) => {
        stream.fail(reason);
        this.#drop(job);
      }),
    };
    this.#waiting.push(job);
    return stream;
  }

  /** Drops queries whose callers have gone, and answers those whose time is over with what there is. */
  settle(): void {
    for (const job of this.#gone.splice(0)) {
      if (this.#begun.has(job.id)) this.#batch.cancel(job.id);
      this.#end(job);
    }
    this.#answer(this.#settings.now());
  }

  /** After `settle`: answers all queries with what there is, and refuses those that have not even been read. */
  endAll(refusal: unknown): void {
    this.#answer(Number.POSITIVE_INFINITY);
    for (const job of [...this.#waiting]) this.#end(job, refusal);
  }

  /** After something broke that is nobody's fault in particular: all queries fail with it. */
  failAll(error: unknown): void {
    this.#batch = this.#engine.thinkingBatch();
    for (const job of [...this.#begun.values(), ...this.#waiting]) this.#end(job, error);
  }

  /**
   * Reads waiting queries in one run: those that are urgent, or the others. Returns whether there was anything to read.
   */
  async read(which: 'urgent' | 'others'): Promise<boolean> {
    const { maxThoughts, maxRunTokens, now } = this.#settings;
    const readings = chooseReadings(this.#waiting, which, maxThoughts - this.#batch.rows, maxRunTokens, now());
    if (readings.length > 0) await this.#read(readings);
    return readings.length > 0;
  }

  /** One decode step of all thoughts. */
  async step(): Promise<void> {
    try {
      for (const one of await this.#batch.step()) this.#deliver(one);
    } catch (error) {
      this.#batch = this.#engine.thinkingBatch();
      for (const job of [...this.#begun.values()]) this.#end(job, error);
    }
  }

  #sizeOf(text: string, { think, thought, thoughts, deadlineMs = Number.POSITIVE_INFINITY }: QueryOptions) {
    if (!(deadlineMs >= 0)) throw new InvalidInputError(`deadlineMs must be a number from 0 up, got ${deadlineMs}`);
    const { lengths, thinking } = this.#engine.settings;
    const given = thought === undefined ? 0 : this.#count(thought, lengths.thought);
    const tokens = this.#count(text, lengths.query) + given + MARKS;
    const how = thought === undefined ? (think ?? thinking.think) : 'given';
    const rows = how === 'never' || how === 'given' ? 0 : (thoughts ?? thinking.thoughts);
    const due = this.#settings.now() + deadlineMs;
    const deadline = how === 'never' ? Number.POSITIVE_INFINITY : due;
    const auto = how === 'auto';
    const alone = how === 'given' || (auto && thinking.auto?.signal === 'margin');
    return { tokens, rows, deadline, due, auto, alone };
  }

  #count(text: string, limit: number): number {
    return Math.min(limit, this.#engine.countTokens(text));
  }

  #answer(until: number): void {
    for (const { id, deadline } of [...this.#begun.values()]) {
      if (deadline <= until) this.#deliver(this.#batch.finish(id));
    }
    for (const job of [...this.#waiting]) {
      if (job.instant && job.deadline <= until) this.#finish(job, { ...job.instant, deadlineReached: true });
    }
  }

  async #read(readings: readonly Reading[]): Promise<void> {
    const early = new Map<string, Reading>();
    for (const reading of readings) {
      const { job, purpose } = reading;
      if (purpose === 'think') this.#begun.set(job.id, job);
      else early.set(earlyId(job), reading);
    }
    this.#waiting = this.#waiting.filter((job) => !this.#begun.has(job.id));
    const requests = readings.map(({ job, purpose }) => ({
      id: purpose === 'think' ? job.id : earlyId(job),
      text: job.text,
      options: purpose === 'instant' ? ({ think: 'never' } as const) : withoutTiming(job.options),
    }));
    let events: readonly BatchEvent[];
    try {
      events = await this.#batch.admit(requests);
    } catch (error) {
      // One request's options may be what the batch refuses: in the next turns each is read alone, and only that one fails.
      if (readings.length === 1) this.#end(readings[0]!.job, error);
      else this.#readAgain(readings.map(({ job }) => job));
      return;
    }
    for (const one of events) {
      const reading = early.get(one.id);
      if (reading) this.#deliverEarly(reading, one.event);
      else this.#deliver(one);
      if (one.event.type === 'final') early.delete(one.id);
    }
    for (const { job } of early.values()) this.#postpone(job);
  }

  #readAgain(jobs: readonly QueryJob[]): void {
    for (const job of jobs) {
      job.alone = true;
      if (this.#begun.delete(job.id)) this.#waiting.push(job);
    }
    this.#waiting.sort((a, b) => Number(a.id) - Number(b.id));
  }

  #deliver({ id, event }: BatchEvent): void {
    const job = this.#begun.get(id);
    if (!job || (event.type === 'instant' && job.instant)) return;
    if (event.type === 'token') job.thoughtTokens++;
    if (event.type === 'final') this.#finish(job, event);
    else job.stream.push(event);
  }

  /** What was read of a query that has no room to think. */
  #deliverEarly({ job, purpose }: Reading, event: QueryEvent): void {
    if (event.type === 'instant') job.stream.push(event);
    if (event.type !== 'final') return;
    // Its rule says that there is no need to think.
    if (purpose === 'decide') this.#finish(job, event);
    else job.instant = event;
  }

  /** A query whose rule wants a thought, for which there is no room yet: what is known is kept as the answer to its deadline. */
  #postpone(job: QueryJob): void {
    const { event } = this.#batch.finish(earlyId(job));
    if (event.type === 'final') job.instant = event;
  }

  #finish(job: QueryJob, embedding: QueryEmbedding): void {
    const usage = { promptTokens: job.tokens - MARKS, thoughtTokens: job.thoughtTokens };
    job.stream.push({ ...embedding, type: 'final', usage });
    this.#end(job);
    this.#settings.onAnswer();
  }

  /** The caller has gone. */
  #drop(job: QueryJob): void {
    if (this.#begun.has(job.id)) this.#gone.push(job);
    else this.#end(job);
  }

  #end(job: QueryJob, error?: unknown): void {
    this.#waiting = this.#waiting.filter((other) => other !== job);
    this.#begun.delete(job.id);
    job.stopListening();
    if (error === undefined) job.stream.end();
    else job.stream.fail(error);
  }
}

/** The batch's name of a query that is read before there is room for it. */
const earlyId = (job: QueryJob) => `${job.id}-early`;

/** The queue sees to deadlines and signals itself. */
function withoutTiming({ signal: _, deadlineMs: __, ...options }: QueryOptions): QueryOptions {
  return options;
}
