import type { Tokenizer } from '../decoder/index.js';
import type { AutoDecision, QuerySignals } from './auto-rule.js';
import type { QueryEmbedding, QueryEvent, Thought } from './query-embedding.js';
import { TextStream } from './text-stream.js';
import { finalVector } from './vectors.js';

/** Collects what becomes known of one query, and tells it as events. Its clock runs from when it is made. */
export class Recording {
  readonly #tokenizer: Tokenizer;
  readonly #truncated: boolean;
  readonly #instantWeight: number;
  readonly #start = performance.now();
  readonly #thoughts: Thought[] = [];
  readonly #streams: TextStream[] = [];
  #instant: { readonly vector: Float32Array; readonly prefillMs: number } | undefined;
  #finished = 0;
  #closingMs = 0;
  /** Thoughts that are still to come. */
  awaited = 0;
  signals: QuerySignals | undefined;
  decision: AutoDecision | undefined;

  constructor(tokenizer: Tokenizer, options: { readonly truncated: boolean; readonly instantWeight: number }) {
    this.#tokenizer = tokenizer;
    this.#truncated = options.truncated;
    this.#instantWeight = options.instantWeight;
  }

  instant(vector: Float32Array): QueryEvent {
    this.#instant = { vector, prefillMs: performance.now() - this.#start };
    return { type: 'instant', ...this.#instant, signals: this.signals };
  }

  token(sample: number, token: number): QueryEvent {
    this.#streams[sample] ??= new TextStream(this.#tokenizer);
    return { type: 'token', sample, token, text: this.#streams[sample].push(token) };
  }

  thought(sample: number, thought: Omit<Thought, 'sample' | 'text'>, closingMs: number): void {
    this.#thoughts[sample] = { sample, text: this.#tokenizer.decode(thought.tokens), ...thought };
    this.#finished = performance.now();
    this.#closingMs = closingMs;
    this.awaited--;
  }

  /** The final event, from what is finished by now. */
  final(): { readonly type: 'final' } & QueryEmbedding {
    const { vector: instant, prefillMs } = this.#instant!;
    const thoughts = this.#thoughts.filter(Boolean);
    return {
      type: 'final',
      instant,
      vector: finalVector(
        instant,
        thoughts.map(({ vector }) => vector),
        this.#instantWeight,
      ),
      basis: thoughts.length === 0 ? 'instant' : 'thoughts',
      thoughts,
      decision: this.decision,
      signals: this.signals,
      deadlineReached: this.awaited > 0,
      truncated: this.#truncated,
      timings: {
        prefillMs,
        thinkMs: thoughts.length === 0 ? 0 : this.#finished - this.#start - prefillMs,
        closingMs: this.#closingMs,
        totalMs: performance.now() - this.#start,
      },
    };
  }
}
