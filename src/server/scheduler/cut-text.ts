import type { DocumentInput } from '../service.js';

/** The longest token of common vocabularies: 64 spaces in one, in SmolLM2's. */
const CHARACTERS_OF_A_TOKEN = 64;

/**
 * The start of a text that surely holds all tokens that will be read of it. To cut 50,000 characters into tokens takes half
 * a second where they are one word, and nobody else is served meanwhile.
 *
 * @param maxTokens the length policy's limit; texts with fewer tokens come back as they are.
 */
export const cutText = (text: string, maxTokens: number): string =>
  // One token more, so that a text that is too long is still seen to be.
  text.slice(0, (maxTokens + 1) * CHARACTERS_OF_A_TOKEN);

/** The same of a document that may be token ids. */
export const cutDocument = (document: DocumentInput, maxTokens: number): DocumentInput =>
  typeof document === 'string' ? cutText(document, maxTokens) : document.slice(0, maxTokens + 1);
