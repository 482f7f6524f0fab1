/**
 * Text to token ids and back.
 *
 * `encode` never adds BOS or EOS, and never finds special tokens inside text: `<|im_end|>` in a text becomes ordinary tokens.
 * Added tokens that the model does not call special (Qwen's `<tool_call>`) are ordinary vocabulary and are found.
 * No prefix space either, unless the model's own tokenizer always puts one: SentencePiece models with the dummy prefix (Llama
 * 2, Mistral 7B) do, and their `decode` takes one away.
 */
export interface Tokenizer {
  /** The highest token id plus one; the model's embedding may have more rows. */
  readonly vocabularySize: number;
  /** The token that ends a turn or a text, as the model states it. */
  readonly endOfText: number | undefined;
  /** A lone surrogate counts as U+FFFD; NUL and other control characters are text like any other. */
  encode(text: string): number[];
  /** Special tokens are left out unless `special` is true. Incomplete UTF-8 becomes U+FFFD; ids without a token are skipped. */
  decode(ids: readonly number[], options?: { readonly special?: boolean }): string;
  /** Id of a token by its exact text, special tokens included. */
  tokenId(token: string): number | undefined;
}
