import {
  type AutoRule,
  type BatchEvent,
  decide,
  marginOf,
  normalisedMean,
  type QueryEmbedding,
  type QueryOptions,
  type Thought,
} from '../../src/embedder/index.js';
import { InvalidInputError } from '../../src/errors.js';
import type { Engine, EngineBatch } from '../../src/server/scheduler/engine.js';
import { HashingEncoder, TINY_SETTINGS } from '../../src/testing/index.js';

/** One run of the fake model. */
export type Run =
  | { readonly kind: 'read'; readonly texts: readonly string[] }
  | { readonly kind: 'step'; readonly rows: number }
  | { readonly kind: 'documents'; readonly texts: readonly string[] };

interface Row {
  readonly id: string;
  readonly text: string;
  readonly written: string[][];
  /** Words of each thought. */
  readonly length: number;
  /** Its rule goes by the margin of a search that is still to be made. */
  undecided: boolean;
  readonly thoughts: number;
  /** Its thought is the caller's. */
  readonly given: boolean;
}

export interface FakeEngineSettings {
  /** Words of a thought. Default 4; a query with the word `long` in it is thought about without end. */
  readonly thoughtWords?: number;
  /** How far a run moves the fake clock, in ms. Default 1. */
  readonly cost?: (run: Run) => number;
  /** The adapter's rule; one of the margin decides, with any other `auto` always thinks. Default: none. */
  readonly auto?: AutoRule;
  /** Waited for in every run. */
  readonly pause?: (run: Run) => Promise<void> | void;
}

/**
 * An engine without a model: words are tokens, vectors are hashed words, and the thought about a query repeats its words.
 * It keeps a list of its runs, and a clock that only they move.
 */
export class FakeEngine implements Engine {
  readonly fingerprint = 'fake/fp32/0';
  readonly modelName = 'fake';
  readonly dimensions = 64;
  readonly settings: Engine['settings'];
  readonly runs: Run[] = [];
  readonly cancelled: string[] = [];
  /** Texts of queries that the batch holds, as of now. */
  thinkingAbout: () => string[] = () => [];
  closed = false;
  clock = 0;
  readonly #encoder = new HashingEncoder();
  readonly #options: FakeEngineSettings;

  constructor(settings: FakeEngineSettings = {}) {
    this.#options = settings;
    const thinking = { ...TINY_SETTINGS.thinking, ...(settings.auto ? { auto: settings.auto } : {}) };
    this.settings = { lengths: { query: 8, thought: 1000, document: 12 }, thinking };
  }

  readonly now = () => this.clock;

  countTokens(text: string): number {
    return text.split(/\s+/).length;
  }

  decodeTokens(ids: readonly number[]): string {
    const wrong = ids.find((id) => id >= 1000);
    if (wrong !== undefined) throw new InvalidInputError(`token id ${wrong} is not one of this model's 1000`);
    return ids.map((id) => `w${id}`).join(' ');
  }

  embed(text: string): Float32Array {
    return this.#encoder.embed(text);
  }

  async embedDocuments(texts: readonly string[]): Promise<Float32Array[]> {
    await this.#run({ kind: 'documents', texts });
    if (texts.includes('poison')) throw new Error('the model broke');
    return texts.map((text) => this.embed(text));
  }

  thinkingBatch(): EngineBatch {
    let rows: Row[] = [];
    this.thinkingAbout = () => rows.map(({ text }) => text);
    const final = (row: Row, deadlineReached = false): BatchEvent => {
      rows = rows.filter((other) => other !== row);
      const instant = this.embed(row.text);
      const thoughts = row.written
        .map((words, sample) => ({ words, sample }))
        .filter(({ words }) => words.length === row.length)
        .map(({ words, sample }): Thought => {
          const text = words.join('');
          return {
            sample,
            text,
            tokens: words.map(() => 0),
            finishReason: row.given ? 'given' : 'stop',
            logProbability: -1,
            vector: normalisedMean([instant, this.embed(text)]),
          };
        });
      return { id: row.id, event: { type: 'final', ...embedding(instant, thoughts, deadlineReached) } };
    };
    return {
      get rows() {
        return rows.reduce((sum, { thoughts, undecided }) => sum + (undecided ? 0 : thoughts), 0);
      },
      get undecided() {
        return rows.filter(({ undecided }) => undecided).map(({ id }) => id);
      },
      admit: async (requests) => {
        for (const { options } of requests) {
          if (options?.temperature === 13) throw new InvalidInputError('temperature must not be 13');
        }
        await this.#run({ kind: 'read', texts: requests.map(({ text }) => text) });
        return requests.flatMap(({ id, text, options }) => {
          const thoughts = thoughtsOf(options);
          const length = text.includes('long') ? Number.POSITIVE_INFINITY : (this.#options.thoughtWords ?? 4);
          const written = Array.from({ length: thoughts }, (): string[] => []);
          const undecided = options?.think === 'auto' && this.#options.auto?.signal === 'margin';
          const row: Row = { id, text, length, thoughts, written, undecided, given: options?.thought !== undefined };
          const instant = { id, event: { type: 'instant' as const, vector: this.embed(text), prefillMs: 1 } };
          if (options?.thought !== undefined) {
            return [instant, final({ ...row, length: 1, written: [[options.thought]] })];
          }
          if (thoughts === 0) return [instant, final(row)];
          rows.push(row);
          return [instant];
        });
      },
      decide: async (id, scores) => {
        const row = rows.find((row) => row.id === id)!;
        row.undecided = false;
        const signals = { firstTokenEntropy: 1, topProbability: 0.5, margin: marginOf(scores) };
        return decide(this.#options.auto!, signals) === 'think' ? [] : [final(row)];
      },
      step: async () => {
        const stepped = rows.filter(({ undecided }) => !undecided);
        await this.#run({ kind: 'step', rows: stepped.length });
        if (stepped.some(({ text }) => text === 'poison')) throw new Error('the model broke');
        return stepped.flatMap((row) => {
          const events = row.written.map((words, sample): BatchEvent => {
            const text = `${row.text.split(' ')[words.length % row.text.split(' ').length]!}${sample} `;
            words.push(text);
            return { id: row.id, event: { type: 'token', sample, token: 0, text } };
          });
          return row.written[0]!.length === row.length ? [...events, final(row)] : events;
        });
      },
      finish: (id) => final(rows.find((row) => row.id === id)!, true),
      cancel: (id) => {
        this.cancelled.push(...rows.filter((row) => row.id === id).map(({ text }) => text));
        rows = rows.filter((row) => row.id !== id);
      },
    };
  }

  async close(): Promise<void> {
    this.closed = true;
  }

  async #run(run: Run): Promise<void> {
    this.runs.push(run);
    await this.#options.pause?.(run);
    this.clock += this.#options.cost?.(run) ?? 1;
  }
}

function thoughtsOf({ think = 'always', thought, thoughts = 1 }: QueryOptions = {}): number {
  return think === 'never' || thought !== undefined ? 0 : thoughts;
}

function embedding(instant: Float32Array, thoughts: Thought[], deadlineReached: boolean): QueryEmbedding {
  return {
    instant,
    vector: thoughts.length === 0 ? instant : normalisedMean(thoughts.map(({ vector }) => vector)),
    basis: thoughts.length === 0 ? 'instant' : 'thoughts',
    thoughts,
    deadlineReached,
    truncated: false,
    timings: { prefillMs: 1, thinkMs: thoughts.length, closingMs: 0, totalMs: 1 + thoughts.length },
  };
}
