import { normalisedMean, type QueryOptions } from '../../src/embedder/index.js';
import type { EmbeddingService, ServiceEvent } from '../../src/server/index.js';
import { HashingEncoder, TINY_SETTINGS } from '../../src/testing/index.js';

/**
 * A service without a model whose thoughts come when the test says so, word by word: what is between two words can be looked
 * at, however slow the machine is.
 */
export class SlowService extends HashingEncoder implements EmbeddingService {
  readonly modelName = 'fake-o1';
  readonly settings: EmbeddingService['settings'];
  /** What the queries were asked with. */
  readonly asked: { readonly text: string; readonly options: QueryOptions }[] = [];
  /** Queries that nobody waits for any more. */
  abandoned = 0;
  readonly #thoughts: Readonly<Record<string, string>>;
  /** Steps that may be taken, and whoever waits for one. */
  #steps = 0;
  #wake: (() => void) | undefined;

  /** @param thoughts the thought about each query. @param auto whether there is a rule for when to think. */
  constructor(thoughts: Readonly<Record<string, string>>, { auto = true }: { readonly auto?: boolean } = {}) {
    super({ dimensions: 256 });
    this.#thoughts = thoughts;
    const rule = { signal: 'firstTokenEntropy', threshold: 1, thinkWhen: 'above' } as const;
    const thinking = { ...TINY_SETTINGS.thinking, ...(auto ? { auto: rule } : {}) };
    this.settings = { lengths: TINY_SETTINGS.lengths, thinking };
  }

  /** Lets thinking go on by so many words; the end of the thought counts as one. */
  step(words = 1): void {
    this.#steps += words;
    this.#wake?.();
  }

  async *query(text: string, options: QueryOptions = {}): AsyncGenerator<ServiceEvent, void, void> {
    this.asked.push({ text, options });
    const instant = this.embed(text);
    const timings = { prefillMs: 12, thinkMs: 0, closingMs: 0, totalMs: 12 };
    yield { type: 'instant', vector: instant, prefillMs: 12 };
    const usage = { promptTokens: 3, thoughtTokens: 0 };
    const common = { type: 'final', instant, deadlineReached: false, truncated: false, usage } as const;
    const thought = this.#thoughts[text];
    if (options.think === 'never' || thought === undefined) {
      yield { ...common, vector: instant, basis: 'instant', thoughts: [], timings };
      return;
    }
    let finished = false;
    try {
      for (const [token, word] of thought.split(/(?= )/).entries()) {
        await this.#turn(options.signal);
        yield { type: 'token', sample: 0, token, text: word };
      }
      await this.#turn(options.signal);
      finished = true;
    } finally {
      if (!finished) this.abandoned++;
    }
    const vector = normalisedMean([instant, this.embed(thought), this.embed(thought)]);
    const thoughts = [
      { sample: 0, text: thought, tokens: [], finishReason: 'stop' as const, vector, logProbability: -1 },
    ];
    yield { ...common, vector, basis: 'thoughts', thoughts, timings: { ...timings, thinkMs: 900, totalMs: 912 } };
  }

  async close(): Promise<void> {}

  async #turn(signal: AbortSignal | undefined): Promise<void> {
    while (this.#steps === 0) {
      signal?.throwIfAborted();
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
        signal?.addEventListener('abort', () => resolve(), { once: true });
      });
    }
    this.#steps--;
  }
}
