import type { Tokenizer } from '../decoder/index.js';
import type { QueryEmbedding, Thought } from './query-embedding.js';
import type { ThinkingEvent } from './thinking.js';
import { normalisedMean } from './vectors.js';

/** Collects the events of one query. */
export class Recording {
  readonly #tokenizer: Tokenizer;
  readonly #truncated: boolean;
  readonly #start = performance.now();
  readonly #thoughts: Thought[] = [];
  #instant: Float32Array | undefined;
  #finished = 0;
  #closingMs = 0;
  prefillMs = 0;

  constructor(tokenizer: Tokenizer, truncated: boolean) {
    this.#tokenizer = tokenizer;
    this.#truncated = truncated;
  }

  add(event: ThinkingEvent): void {
    if (event.type === 'instant') {
      this.#instant = event.vector;
      this.prefillMs = performance.now() - this.#start;
    } else if (event.type === 'thought') {
      const { tokens, finishReason, vector, sample, closingMs } = event;
      this.#thoughts[sample] = { text: this.#tokenizer.decode(tokens), tokens, finishReason, vector };
      this.#finished = performance.now();
      this.#closingMs = closingMs;
    }
  }

  finish(expected: number): QueryEmbedding {
    const instant = this.#instant!;
    const thoughts = this.#thoughts.filter(Boolean);
    const thinkMs = thoughts.length === 0 ? 0 : this.#finished - this.#start - this.prefillMs;
    return {
      instant,
      vector: thoughts.length === 0 ? instant : normalisedMean(thoughts.map(({ vector }) => vector)),
      basis: thoughts.length === 0 ? 'instant' : 'thoughts',
      thoughts,
      deadlineReached: thoughts.length < expected,
      truncated: this.#truncated,
      timings: {
        prefillMs: this.prefillMs,
        thinkMs,
        closingMs: this.#closingMs,
        totalMs: performance.now() - this.#start,
      },
    };
  }
}
