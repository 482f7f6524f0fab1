/** Text to token ids and back. Never adds BOS or EOS, and never parses special tokens inside text. */
export interface Tokenizer {
  readonly vocabularySize: number;
  /** The token that ends a turn or a text, as the model states it. */
  readonly endOfText: number | undefined;
  encode(text: string): number[];
  /** Special tokens are left out unless `special` is true. Incomplete UTF-8 becomes U+FFFD. */
  decode(ids: readonly number[], options?: { readonly special?: boolean }): string;
  /** Id of a token by its exact text, special tokens included. */
  tokenId(token: string): number | undefined;
}
