import type { Decoder, HiddenStates } from './decoder.js';
import type { KeyValueCache } from './key-value-cache.js';

/** Sequences that are continued together, one token each at a time. */
export class SequenceBatch {
  readonly #decoder: Decoder;
  readonly #cache: KeyValueCache;

  private constructor(decoder: Decoder, cache: KeyValueCache) {
    this.#decoder = decoder;
    this.#cache = cache;
  }

  /** Reads the prompts, in one run; they may differ in length. */
  static async prefill(
    decoder: Decoder,
    prompts: readonly (readonly number[])[],
    signal?: AbortSignal,
  ): Promise<{ readonly batch: SequenceBatch; readonly hidden: HiddenStates }> {
    const cache = decoder.createCache(prompts.length);
    const hidden = await decoder.forward(prompts, cache, signal);
    return { batch: new SequenceBatch(decoder, cache), hidden };
  }

  get rows(): number {
    return this.#cache.rows;
  }

  /** Reads one more token of each row and returns the hidden state `[hidden]` of each. */
  async step(tokens: readonly number[], signal?: AbortSignal): Promise<Float32Array[]> {
    const hidden = await this.#decoder.forward(
      tokens.map((token) => [token]),
      this.#cache,
      signal,
    );
    return tokens.map((_, row) => hidden.at(row, 0));
  }

  /** Keeps the given rows in the given order; naming a row several times lets several continuations share its prefill. */
  select(rows: readonly number[]): void {
    const unchanged = rows.length === this.rows && rows.every((row, i) => row === i);
    if (!unchanged) this.#cache.select(rows);
  }
}
