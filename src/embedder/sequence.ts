import type { Tokenizer } from '../decoder/index.js';
import type { O1Settings } from './settings.js';

/**
 * The token sequences of the method (Yan et al. 2025, figure 2):
 *
 *     <query> q <emb> <thought> t </s> <emb>        <doc> d <emb>
 *
 * The vector at a query's first `<emb>` has seen the query alone, the one at the last `<emb>` the thought as well.
 * Texts are cut to the adapter's length policy. There is no BOS, and text never becomes one of the marks.
 */
export class Sequences {
  readonly #tokenizer: Tokenizer;
  readonly #settings: O1Settings;

  constructor(tokenizer: Tokenizer, settings: O1Settings) {
    this.#tokenizer = tokenizer;
    this.#settings = settings;
  }

  /** `<query> q <emb> <thought>`: what is read before a thought is written. */
  query(text: string): QuerySequence {
    const { tokens, lengths } = this.#settings;
    const { ids, truncated } = this.#cut(text, lengths.query);
    return {
      ids: [tokens.query, ...ids, tokens.embedding, tokens.thought],
      embeddingAt: ids.length + 1,
      truncated,
    };
  }

  /** Token ids of a given thought, without the marks around it. */
  thought(text: string): number[] {
    return this.#cut(text, this.#settings.lengths.thought).ids;
  }

  /** `</s> <emb>`: what follows a thought, however it ended. */
  get closing(): readonly number[] {
    const { end, embedding } = this.#settings.tokens;
    return [end, embedding];
  }

  /** `<doc> d <emb>` */
  document(text: string): { readonly ids: readonly number[]; readonly truncated: boolean } {
    const { tokens, lengths } = this.#settings;
    const { ids, truncated } = this.#cut(text, lengths.document);
    return { ids: [tokens.document, ...ids, tokens.embedding], truncated };
  }

  /** Marks that are never drawn while a thought is written. */
  get marks(): ReadonlySet<number> {
    const { query, document, thought, embedding } = this.#settings.tokens;
    return new Set([query, document, thought, embedding]);
  }

  #cut(text: string, limit: number): { ids: number[]; truncated: boolean } {
    const ids = this.#tokenizer.encode(text);
    return { ids: ids.slice(0, limit), truncated: ids.length > limit };
  }
}

export interface QuerySequence {
  readonly ids: readonly number[];
  /** Index of the first `<emb>`. */
  readonly embeddingAt: number;
  /** The text was longer than the length policy allows. */
  readonly truncated: boolean;
}
