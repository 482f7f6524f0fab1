import type { TokenCounter } from '../search/index.js';

const sentences = new Intl.Segmenter('en', { granularity: 'sentence' });

export interface CutText {
  readonly text: string;
  readonly tokens: number;
  /** Something was cut off. */
  readonly cut: boolean;
}

/**
 * A text of at most `limit` tokens: whole if it fits, else cut at the last sentence end that keeps half of the limit, else between
 * words, else between characters. White space at both ends goes.
 *
 * @param broken the text was broken off by its writer's own limit: the last sentence is cut off even if it fits, where that
 *   keeps half of the text.
 */
export function cutToTokens(
  text: string,
  limit: number,
  countTokens: TokenCounter,
  { broken = false }: { readonly broken?: boolean } = {},
): CutText {
  const whole = text.trim();
  const tokens = countTokens(whole);
  if (tokens <= limit && !broken) return { text: whole, tokens, cut: false };
  const ends = [...sentences.segment(whole)].map(({ index }) => index).slice(1);
  const atSentence = longest(whole, ends, limit, countTokens);
  if (atSentence && atSentence.tokens * 2 >= Math.min(limit, tokens)) return { ...atSentence, cut: true };
  if (tokens <= limit) return { text: whole, tokens, cut: false };
  const spaces = [...whole.matchAll(/\s+/g)].map(({ index }) => index);
  const found = longest(whole, spaces, limit, countTokens) ?? longest(whole, characterEnds(whole), limit, countTokens);
  return { ...(found ?? { text: '', tokens: 0 }), cut: true };
}

/** The longest prefix that ends at one of the places and fits; `undefined` where none does. Longer prefixes have more tokens. */
function longest(text: string, ends: readonly number[], limit: number, countTokens: TokenCounter) {
  let found: { text: string; tokens: number } | undefined;
  let [low, high] = [0, ends.length - 1];
  while (low <= high) {
    const middle = (low + high) >> 1;
    const prefix = text.slice(0, ends[middle]).trim();
    const tokens = countTokens(prefix);
    if (tokens <= limit) {
      found = { text: prefix, tokens };
      low = middle + 1;
    } else {
      high = middle - 1;
    }
  }
  return found && found.text !== '' ? found : undefined;
}

/** Places between characters: never inside a surrogate pair. */
function characterEnds(text: string): number[] {
  let end = 0;
  return Array.from(text, (character) => {
    end += character.length;
    return end;
  });
}
