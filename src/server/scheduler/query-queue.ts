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

/** What a search with an undecided query's instant vector has found. */
interface Searched {
  readonly id: string;
  readonly scores: readonly number[] | SearchFailure;
}

class SearchFailure {
  readonly error: unknown;

  constructor(error: unknown) {
    this.error = error;
  }
}

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
  /** Queries whose rule waits for what a search finds, by their ids in the batch: the search is made beside the runs. */
  readonly #undecided = new Map<string, Reading>();
  /** Searches that have been made, for `decide`. */
  readonly #searched: Searched[] = [];
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

  /** Whether searches are being made that decide whether to think. */
  get isSearching(): boolean {
    return this.#undecided.size > 0;
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
      this.#batch.cancel(job.id);
      this.#batch.cancel(earlyId(job));
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

  /** Between runs: goes on with the queries whose search has been made. */
  async decide(): Promise<void> {
    for (const { id, scores } of this.#searched.splice(0)) {
      const reading = this.#undecided.get(id);
      // It may have been answered or left meanwhile.
      if (!reading) continue;
      this.#undecided.delete(id);
      let events: readonly BatchEvent[];
      try {
        if (scores instanceof SearchFailure) throw scores.error;
        events = await this.#batch.decide(id, scores);
      } catch (error) {
        // It is nobody else's search.
        this.#batch.cancel(id);
        this.#end(reading.job, error);
        continue;
      }
      this.#deliverAll(events, new Map([[id, reading]]));
    }
  }

  /**
   * Reads waiting queries in one run: those that are urgent, or the others. Returns whether there was anything to read.
   */
  async read(which: 'urgent' | 'others'): Promise<boolean> {
    const { maxThoughts, maxRunTokens, now } = this.#settings;
    // Who may have to think keeps his room until that is decided.
    const kept = [...this.#undecided.values()].map(({ job, purpose }) => (purpose === 'think' ? job.rows : 0));
    const free = maxThoughts - kept.reduce((sum, rows) => sum + rows, this.#batch.rows);
    const waiting = this.#waiting.filter((job) => !this.#undecided.has(earlyId(job)));
    const readings = chooseReadings(waiting, which, free, maxRunTokens, now());
    if (readings.length > 0) await this.#read(readings);
    return readings.length > 0;
  }

  /** One decode step of all thoughts. */
  async step(): Promise<void> {
    try {
      for (const one of await this.#batch.step()) this.#deliver(one);
    } catch (error) {
      // Those that were not begun keep the instant vector that they have been told of, and wait for room.
      for (const { job, purpose } of [...this.#undecided.values()]) if (purpose !== 'think') this.#postpone(job);
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
    const alone = how === 'given';
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
      if (job.deadline > until) continue;
      if (this.#undecided.has(earlyId(job))) this.#postpone(job);
      if (job.instant) this.#finish(job, { ...job.instant, deadlineReached: true });
    }
  }

  async #read(readings: readonly Reading[]): Promise<void> {
    const byId = new Map(readings.map((reading) => [idInBatch(reading), reading]));
    for (const { job, purpose } of readings) if (purpose === 'think') this.#begun.set(job.id, job);
    this.#waiting = this.#waiting.filter((job) => !this.#begun.has(job.id));
    const requests = [...byId].map(([id, { job, purpose }]) => ({
      id,
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
    const undecided = new Set(this.#batch.undecided);
    for (const { id, event } of events) {
      const reading = byId.get(id);
      // The caller may have gone while it was read.
      if (!reading || reading.job.stream.ended) continue;
      if (event.type === 'instant' && undecided.has(id)) void this.#search(id, reading, event.vector);
    }
    this.#deliverAll(events, byId);
  }

  /** Makes the search that decides whether to think. Others use the model meanwhile. */
  async #search(id: string, reading: Reading, instant: Float32Array): Promise<void> {
    this.#undecided.set(id, reading);
    let scores: Searched['scores'];
    try {
      scores = await reading.job.options.instantScores!(instant);
    } catch (error) {
      scores = new SearchFailure(error);
    }
    this.#searched.push({ id, scores });
  }

  #readAgain(jobs: readonly QueryJob[]): void {
    for (const job of jobs) {
      job.alone = true;
      if (this.#begun.delete(job.id)) this.#waiting.push(job);
    }
    this.#waiting.sort((a, b) => Number(a.id) - Number(b.id));
  }

  /** @param readings those that the events are about, and perhaps others, by their ids in the batch. */
  #deliverAll(events: readonly BatchEvent[], readings: ReadonlyMap<string, Reading>): void {
    const early = new Map([...readings].filter(([, { purpose }]) => purpose !== 'think'));
    for (const one of events) {
      const reading = early.get(one.id);
      if (reading) this.#deliverEarly(reading, one.event);
      else this.#deliver(one);
      if (one.event.type === 'final') early.delete(one.id);
    }
    for (const [id, { job }] of early) if (!this.#undecided.has(id)) this.#postpone(job);
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
    this.#undecided.delete(earlyId(job));
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
    if (this.#begun.has(job.id) || this.#undecided.has(earlyId(job))) this.#gone.push(job);
    else this.#end(job);
  }

  #end(job: QueryJob, error?: unknown): void {
    this.#waiting = this.#waiting.filter((other) => other !== job);
    this.#begun.delete(job.id);
    this.#undecided.delete(job.id);
    this.#undecided.delete(earlyId(job));
    job.stopListening();
    if (error === undefined) job.stream.end();
    else job.stream.fail(error);
  }
}

/** The batch's name of a query that is read before there is room for it. */
const earlyId = (job: QueryJob) => `${job.id}-early`;

const idInBatch = ({ job, purpose }: Reading) => (purpose === 'think' ? job.id : earlyId(job));

/** The queue sees to deadlines and signals itself. */
function withoutTiming({ signal: _, deadlineMs: __, ...options }: QueryOptions): QueryOptions {
  return options;
}
