import {
  type Decoder,
  SequenceBatch,
  type TokenDistribution,
  type Tokenizer,
  tokenDistribution,
} from '../decoder/index.js';
import { InvalidInputError } from '../errors.js';
import { normalise } from '../normalise.js';
import { decide, marginOf } from './auto-rule.js';
import { type OnRun, timed } from './model-run.js';
import type { QueryEvent, QueryOptions } from './query-embedding.js';
import { Recording } from './recording.js';
import type { QuerySequence, Sequences } from './sequence.js';
import type { O1Settings } from './settings.js';
import { type ThinkingSettings, thinkingSettings } from './thinking-settings.js';
import { ThoughtRow } from './thought-row.js';

/** A query that is to be thought about. Its deadline and its signal are the caller's business: see `finish` and `cancel`. */
export interface BatchRequest {
  /** Any text that no other query in the batch has. */
  readonly id: string;
  readonly text: string;
  readonly options?: QueryOptions | undefined;
}

/** What happened to a query, as `streamQuery` tells it. */
export interface BatchEvent {
  readonly id: string;
  readonly event: QueryEvent;
}

/** What a batch is made of. */
export interface BatchParts {
  readonly decoder: Decoder;
  readonly tokenizer: Tokenizer;
  readonly sequences: Sequences;
  readonly settings: O1Settings;
  /** Runs a call when it is its turn to use the decoder. */
  readonly turn: <T>(call: () => Promise<T>) => Promise<T>;
  readonly onRun: OnRun | undefined;
}

/** What the reading of a query's prompt gave, for its thoughts to go on with. */
interface ReadPrompt {
  /** Holds the prompt's keys and values, in this row. */
  readonly batch: SequenceBatch;
  readonly row: number;
  readonly logits: Float32Array;
  readonly distribution: TokenDistribution;
}

interface Query {
  readonly id: string;
  readonly prompt: QuerySequence;
  readonly settings: ThinkingSettings;
  /** Present from when its prompt is read. */
  recording?: Recording;
  /** Present while the query is undecided. */
  read?: ReadPrompt;
  /**
   * `undecided`: its rule wants to know what a search finds. `finished`: its final event is made. Rows of a query that is
   * finished or cancelled are dropped before the next step.
   */
  state: 'reading' | 'undecided' | 'thinking' | 'finished' | 'cancelled';
}

interface Row {
  readonly query: Query;
  readonly thought: ThoughtRow;
}

interface RunOptions {
  /** Looked at before each run of the model. An aborted call leaves the batch as it was. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Queries that are thought about together, each from when it comes until its last thought is finished: continuous batching.
 *
 * A query's thoughts go on in the KV cache that its prompt filled: nothing is read twice. All rows step together, each at its
 * own point: some draw the next token of their thought while others already read `</s>` and the last `<emb>`. Tokens,
 * and in fp32 vectors, do not depend on what else is in the batch. Each query has settings of its own.
 *
 * @example
 * const batch = embedder.thinkingBatch();
 * let events = await batch.admit([{ id: 'a', text: 'watch a folder', options: { think: 'always' } }]);
 * while (batch.rows > 0) events = [...events, ...(await batch.step())];
 */
export class ThinkingBatch {
  readonly #parts: BatchParts;
  readonly #batch: SequenceBatch;
  readonly #queries = new Map<string, Query>();
  #rows: Row[] = [];

  constructor(parts: BatchParts) {
    this.#parts = parts;
    this.#batch = SequenceBatch.empty(parts.decoder);
  }

  /** Thoughts that are being written. */
  get rows(): number {
    return this.#rows.filter(({ query }) => query.state === 'thinking').length;
  }

  /** Ids of the queries whose rule goes by the margin of a search with their instant vector: see `decide`. */
  get undecided(): string[] {
    return [...this.#queries.values()].filter(({ state }) => state === 'undecided').map(({ id }) => id);
  }

  /** Ids of the queries that have no final event yet, in the order in which they came. */
  get queries(): string[] {
    return [...this.#queries.keys()];
  }

  /**
   * Reads the queries' prompts, in one run (a given thought is read in a run of its own). Gives their instant events, the first
   * tokens, and the final events of those that need no more. The others take part from the next step on, or once they are
   * decided.
   *
   * @throws InvalidInputError when an id is taken or an option is wrong; then none of these queries is in the batch.
   */
  async admit(requests: readonly BatchRequest[], options: RunOptions = {}): Promise<BatchEvent[]> {
    const { sequences, settings, turn } = this.#parts;
    const queries = requests.map(
      ({ id, text, options = {} }): Query => ({
        id,
        prompt: sequences.query(text),
        settings: thinkingSettings(options, settings),
        state: 'reading',
      }),
    );
    const taken = queries.find(({ id }, i) => this.#queries.has(id) || requests.findIndex((one) => one.id === id) < i);
    if (taken) {
      throw new InvalidInputError(`a query with the id ${JSON.stringify(taken.id)} is already in the batch`, {
        hint: 'Give each query an id of its own.',
      });
    }
    for (const query of queries) this.#queries.set(query.id, query);
    try {
      return await turn(() => this.#read(queries, options));
    } catch (error) {
      for (const { id } of queries) this.cancel(id);
      throw error;
    }
  }

  /**
   * Tells what a search with an undecided query's instant vector has found, which is made while others use the model. Gives
   * the query's final event, or the first tokens of its thoughts, which take part from the next step on.
   *
   * @param scores of the best hits, descending.
   * @throws InvalidInputError when there is no such query, or nothing to decide about it.
   */
  decide(id: string, scores: readonly number[]): Promise<BatchEvent[]> {
    return this.#parts.turn(async () => {
      const query = this.#queries.get(id);
      if (query?.state !== 'undecided') {
        throw new InvalidInputError(
          `cannot decide about the query ${JSON.stringify(id)}: it does not wait for scores`,
          {
            hint: 'Decide about those that are named in `undecided`.',
          },
        );
      }
      const recording = query.recording!;
      recording.signals = { ...recording.signals!, margin: marginOf(scores) };
      query.state = 'thinking';
      const { read } = query;
      delete query.read;
      const { events, rows } = this.#begin(query, read!);
      this.#join(
        read!.batch,
        rows.map((row) => ({ prompt: read!.row, row })),
      );
      return events;
    });
  }

  /** One decode step of all rows: a token more of each thought. Gives tokens, and the final events of finished queries. */
  step(options: RunOptions = {}): Promise<BatchEvent[]> {
    return this.#parts.turn(() => this.#step(options));
  }

  /**
   * Ends a query now: its final event from what is finished, the instant vector where nothing is.
   *
   * @throws InvalidInputError when there is no such query, or it has no vector yet.
   */
  finish(id: string): BatchEvent {
    const query = this.#queries.get(id);
    if (query?.state !== 'thinking' && query?.state !== 'undecided') {
      throw new InvalidInputError(`cannot finish the query ${JSON.stringify(id)}: it is not being thought about`, {
        hint: 'Finish a query between its instant event and its final one.',
      });
    }
    return this.#end(query);
  }

  /** Drops a query and frees its rows; there is no event. Nothing happens where there is no such query. */
  cancel(id: string): void {
    const query = this.#queries.get(id);
    if (query) this.#leave(query, 'cancelled');
  }

  #leave(query: Query, state: 'finished' | 'cancelled'): void {
    query.state = state;
    this.#queries.delete(query.id);
  }

  #end(query: Query): BatchEvent {
    this.#leave(query, 'finished');
    return { id: query.id, event: query.recording!.final() };
  }

  async #read(queries: readonly Query[], { signal }: RunOptions): Promise<BatchEvent[]> {
    const { tokenizer } = this.#parts;
    for (const query of queries) {
      const { prompt, settings } = query;
      query.recording = new Recording(tokenizer, { ...prompt, instantWeight: settings.instantWeight });
    }
    const events: BatchEvent[] = [];
    const prompts = queries.filter(({ settings }) => settings.thought === undefined);
    if (prompts.length > 0) events.push(...(await this.#readPrompts(prompts, signal)));
    for (const query of queries) {
      if (query.settings.thought !== undefined) events.push(...(await this.#readThought(query, signal)));
    }
    for (const query of queries) if (query.state === 'reading') query.state = 'thinking';
    // Some may have been cancelled while the prompts were read.
    const cancelled = new Set(queries.filter(({ state }) => state === 'cancelled').map(({ id }) => id));
    return events.filter(({ id }) => !cancelled.has(id));
  }

  async #readPrompts(queries: readonly Query[], signal: AbortSignal | undefined): Promise<BatchEvent[]> {
    const { decoder, sequences, onRun } = this.#parts;
    const ids = queries.map(({ prompt }) => prompt.ids);
    const logitRows = [...queries.keys()].filter((i) => queries[i]!.settings.think !== 'never');
    const { batch, output } = await timed('prompts', { onRun, signal }, () =>
      SequenceBatch.prefill(decoder, ids, { logitRows, signal }),
    );
    const events: BatchEvent[] = [];
    const joining: { readonly prompt: number; readonly row: Row }[] = [];
    for (const [prompt, query] of queries.entries()) {
      if (query.state === 'cancelled') continue;
      const { id, settings } = query;
      const recording = query.recording!;
      const instant = normalise(output.hidden(prompt, query.prompt.embeddingAt));
      const logits = output.logits[logitRows.indexOf(prompt)];
      if (!logits) {
        events.push({ id, event: recording.instant(instant) }, this.#end(query));
        continue;
      }
      const distribution = tokenDistribution(logits, sequences.marks);
      const { entropy: firstTokenEntropy, topProbability } = distribution;
      recording.signals = { firstTokenEntropy, topProbability };
      events.push({ id, event: recording.instant(instant) });
      const read: ReadPrompt = { batch, row: prompt, logits, distribution };
      if (settings.auto?.signal === 'margin') {
        query.state = 'undecided';
        query.read = read;
        recording.awaited = settings.thoughts;
        continue;
      }
      const begun = this.#begin(query, read);
      events.push(...begun.events);
      joining.push(...begun.rows.map((row) => ({ prompt, row })));
    }
    this.#join(batch, joining);
    return events;
  }

  /** Begins the thoughts of a query whose signals are all known, or ends it where its rule says so. */
  #begin(query: Query, { logits, distribution }: ReadPrompt): { readonly events: BatchEvent[]; readonly rows: Row[] } {
    const { id, settings, prompt } = query;
    const recording = query.recording!;
    if (settings.auto) recording.decision = decide(settings.auto, recording.signals!);
    recording.awaited = recording.decision === 'instant' ? 0 : settings.thoughts;
    if (recording.awaited === 0) return { events: [this.#end(query)], rows: [] };
    const events: BatchEvent[] = [];
    const rows: Row[] = [];
    for (let sample = 0; sample < settings.thoughts; sample++) {
      const thought = new ThoughtRow(sample, prompt.ids, settings, this.#parts.sequences);
      const token = thought.draw(logits, distribution);
      if (token !== undefined) events.push({ id, event: recording.token(sample, token) });
      rows.push({ query, thought });
    }
    return { events, rows };
  }

  /** Lets rows take part from the next step on. */
  #join(batch: SequenceBatch, joining: readonly { readonly prompt: number; readonly row: Row }[]): void {
    this.#dropDone();
    this.#batch.join(
      batch,
      joining.map(({ prompt }) => prompt),
    );
    this.#rows.push(...joining.map(({ row }) => row));
  }

  /** A thought of the caller's own is read with its query, and nothing is written. */
  async #readThought(query: Query, signal: AbortSignal | undefined): Promise<BatchEvent[]> {
    const { decoder, sequences, onRun } = this.#parts;
    const { id, prompt, settings } = query;
    const recording = query.recording!;
    const tokens = sequences.thought(settings.thought!);
    const row = [...prompt.ids, ...tokens, ...sequences.closing];
    const logitsAt = tokens.map((_, i) => [0, prompt.ids.length - 1 + i] as const);
    const output = await timed('prompts', { onRun, signal }, () => decoder.encode([row], { logitsAt, signal }));
    const instant = recording.instant(normalise(output.hidden(0, prompt.embeddingAt)));
    const logProbabilities = output.logits.map(
      (logits, i) => logits[tokens[i]!]! - tokenDistribution(logits, sequences.marks).logNormaliser,
    );
    recording.awaited = 1;
    recording.thought(
      0,
      {
        tokens,
        finishReason: 'given',
        logProbability: logProbabilities.reduce((sum, value) => sum + value, 0) / Math.max(1, tokens.length),
        vector: normalise(output.hidden(0, row.length - 1)),
      },
      0,
    );
    return query.state === 'cancelled' ? [] : [{ id, event: instant }, this.#end(query)];
  }

  async #step({ signal }: RunOptions): Promise<BatchEvent[]> {
    this.#dropDone();
    const rows = this.#rows;
    if (rows.length === 0) return [];
    // A row that is alone reads both closing tokens at once. Not in fp32, which promises the same bits in any batch.
    const most = rows.length === 1 && this.#parts.decoder.mode !== 'fp32' ? Number.POSITIVE_INFINITY : 1;
    const tokens = rows.map(({ thought }) => thought.unread.slice(0, most));
    const logitRows = [...rows.keys()].filter((i) => rows[i]!.thought.draws);
    const { onRun } = this.#parts;
    const output = await timed('step', { onRun, signal }, () => this.#batch.step(tokens, { logitRows, signal }));
    const events: BatchEvent[] = [];
    for (const [i, { query, thought }] of rows.entries()) {
      const draws = logitRows.indexOf(i);
      thought.read(tokens[i]!.length);
      if (query.state !== 'thinking') continue;
      const { id } = query;
      const recording = query.recording!;
      if (draws >= 0) {
        const token = thought.draw(output.logits[draws]!);
        if (token !== undefined) events.push({ id, event: recording.token(thought.sample, token) });
      } else if (thought.closed) {
        const { sample, tokens: written, finishReason, logProbability } = thought;
        const vector = normalise(output.hidden(i, tokens[i]!.length - 1));
        const finished = { tokens: written, finishReason: finishReason!, logProbability, vector };
        recording.thought(sample, finished, thought.closingMs);
        if (recording.awaited === 0) events.push(this.#end(query));
      }
    }
    this.#dropDone();
    return events;
  }

  /** Frees the rows of queries that ended and of thoughts that are closed. */
  #dropDone(): void {
    const kept = [...this.#rows.keys()].filter((i) => {
      const { query, thought } = this.#rows[i]!;
      return query.state === 'thinking' && !thought.closed;
    });
    this.#batch.select(kept);
    this.#rows = kept.map((i) => this.#rows[i]!);
  }
}
