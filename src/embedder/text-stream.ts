import type { Tokenizer } from '../decoder/index.js';

/** Turns tokens into text as they come. A character whose bytes are not complete yet is held back. */
export class TextStream {
  readonly #tokenizer: Tokenizer;
  /** The last tokens whose text was given, and those since: enough to know what a new one adds. */
  #tail: number[] = [];
  /** How many of the tail's tokens, and how much of its text, were given. */
  #givenTokens = 0;
  #givenLength = 0;

  constructor(tokenizer: Tokenizer) {
    this.#tokenizer = tokenizer;
  }

  /** The text that this token completes. */
  push(token: number): string {
    this.#tail.push(token);
    const text = this.#tokenizer.decode(this.#tail);
    if (text.endsWith('\uFFFD')) return '';
    const added = text.slice(this.#givenLength);
    // What was given before is no longer needed as a context: a token's text depends on its neighbour at most.
    this.#tail = this.#tail.slice(this.#givenTokens);
    this.#givenTokens = this.#tail.length;
    this.#givenLength = this.#tokenizer.decode(this.#tail).length;
    return added;
  }
}
