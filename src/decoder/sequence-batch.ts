import type { Decoder, DecoderOutput } from './decoder.js';
import type { KeyValueCache } from './key-value-cache.js';

/** Sequences that are continued together, token by token. */
export class SequenceBatch {
  readonly #decoder: Decoder;
  readonly #cache: KeyValueCache;

  private constructor(decoder: Decoder, cache: KeyValueCache) {
    this.#decoder = decoder;
    this.#cache = cache;
  }

  /** Reads the prompts, in one run; they may differ in length. Logits are those after each prompt, if wanted. */
  static async prefill(
    decoder: Decoder,
    prompts: readonly (readonly number[])[],
    options: { readonly logits: boolean; readonly signal?: AbortSignal | undefined },
  ): Promise<{ readonly batch: SequenceBatch; readonly output: DecoderOutput }> {
    const cache = decoder.createCache(prompts.length);
    const logitsAt = options.logits ? prompts.map(({ length }, row) => [row, length - 1] as const) : [];
    const output = await decoder.forward(prompts, cache, { logitsAt, signal: options.signal });
    return { batch: new SequenceBatch(decoder, cache), output };
  }

  get rows(): number {
    return this.#cache.rows;
  }

  /**
   * Reads one more token of each row; a row that is alone may read several. Logits are those after the rows named in
   * `logitRows`, in their order.
   */
  async step(
    tokens: readonly (readonly number[])[],
    options: { readonly logitRows: readonly number[]; readonly signal?: AbortSignal | undefined },
  ): Promise<DecoderOutput> {
    const logitsAt = options.logitRows.map((row) => [row, tokens[row]!.length - 1] as const);
    return this.#decoder.forward(tokens, this.#cache, { logitsAt, signal: options.signal });
  }

  /** Keeps the given rows in the given order; naming a row several times lets several continuations share its prefill. */
  select(rows: readonly number[]): void {
    const unchanged = rows.length === this.rows && rows.every((row, i) => row === i);
    if (!unchanged) this.#cache.select(rows);
  }
}
