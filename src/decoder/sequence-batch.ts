import type { Decoder, DecoderOutput } from './decoder.js';
import type { KeyValueCache } from './key-value-cache.js';

interface RunOptions {
  /** Rows after whose last token logits are wanted. */
  readonly logitRows: readonly number[];
  readonly signal?: AbortSignal | undefined;
}

/** Sequences that are continued together, token by token. */
export class SequenceBatch {
  readonly #decoder: Decoder;
  readonly #cache: KeyValueCache;

  private constructor(decoder: Decoder, cache: KeyValueCache) {
    this.#decoder = decoder;
    this.#cache = cache;
  }

  /** A batch that sequences will join. */
  static empty(decoder: Decoder): SequenceBatch {
    return new SequenceBatch(decoder, decoder.createCache(0));
  }

  /** Reads the prompts, in one run; they may differ in length. Logits are by `logitRows`, in their order. */
  static async prefill(
    decoder: Decoder,
    prompts: readonly (readonly number[])[],
    options: RunOptions,
  ): Promise<{ readonly batch: SequenceBatch; readonly output: DecoderOutput }> {
    const batch = new SequenceBatch(decoder, decoder.createCache(prompts.length));
    return { batch, output: await batch.step(prompts, options) };
  }

  get rows(): number {
    return this.#cache.rows;
  }

  /**
   * Reads one more token of each row; a row that is alone may read several. Logits are those after the rows named in
   * `logitRows`, in their order.
   */
  async step(tokens: readonly (readonly number[])[], { logitRows, signal }: RunOptions): Promise<DecoderOutput> {
    const logitsAt = logitRows.map((row) => [row, tokens[row]!.length - 1] as const);
    return this.#decoder.forward(tokens, this.#cache, { logitsAt, signal });
  }

  /** Keeps the given rows in the given order; naming a row several times lets several continuations share its prefill. */
  select(rows: readonly number[]): void {
    const unchanged = rows.length === this.rows && rows.every((row, i) => row === i);
    if (!unchanged) this.#cache.select(rows);
  }

  /** Adds the named rows of another batch after this one's. The other batch stays as it is. */
  join(other: SequenceBatch, rows: readonly number[]): void {
    if (rows.length > 0) this.#cache.join(other.#cache, rows);
  }
}
