import type { Tokenizer } from '../decoder/index.js';

/** Turns tokens into text as they come. A character whose bytes are not complete yet is held back. */
export class TextStream {
  readonly #tokenizer: Tokenizer;
  readonly #tokens: number[] = [];
  #given = '';

  constructor(tokenizer: Tokenizer) {
    this.#tokenizer = tokenizer;
  }

  /** The text that this token completes. */
  push(token: number): string {
    this.#tokens.push(token);
    const text = this.#tokenizer.decode(this.#tokens);
    if (text.endsWith('\uFFFD')) return '';
    const added = text.slice(this.#given.length);
    this.#given = text;
    return added;
  }
}
