import { stemmer } from 'stemmer';
import { tokenize } from './standard-tokenizer.js';

/** Lucene's `EnglishAnalyzer.ENGLISH_STOP_WORDS_SET`. */
const STOP_WORDS = new Set(
  (
    'a an and are as at be but by for if in into is it no not of on or such that the their then there these they ' +
    'this to was will with'
  ).split(' '),
);

// Apostrophes as Lucene's EnglishPossessiveFilter knows them.
const POSSESSIVE = /['\u2019\uff07][sS]$/;

/**
 * The terms of an English text as Lucene's `EnglishAnalyzer` makes them: words by UAX #29, the possessive 's taken off,
 * lower case, 33 stop words dropped, Porter's stemmer (which leaves words of one or two letters alone).
 */
export class EnglishAnalyzer {
  // A corpus repeats its words: each is stemmed once. An empty string stands for a stop word.
  readonly #stems = new Map<string, string>();

  terms(text: string): string[] {
    const terms: string[] = [];
    for (const token of tokenize(text)) {
      let term = this.#stems.get(token);
      if (term === undefined) {
        const word = token.replace(POSSESSIVE, '').toLowerCase();
        term = STOP_WORDS.has(word) ? '' : stemmer(word);
        this.#stems.set(token, term);
      }
      if (term !== '') terms.push(term);
    }
    return terms;
  }
}
