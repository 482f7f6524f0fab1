/**
 * Word segmentation as Lucene's StandardTokenizer does it: the word-break rules of Unicode UAX #29.
 *
 * `Intl.Segmenter` is no substitute: ICU tailors the rules (the colon, dictionaries for Thai and Chinese). The classes
 * below are built from Unicode properties that JavaScript knows; they equal UAX #29's Word_Break classes but for rare
 * signs. Left out: Hebrew's quotation marks inside words, and emoji, which Lucene makes tokens of their own.
 */

// Signs that attach to the character before them (rule WB4).
const EXTEND = String.raw`[\p{M}\u200c\u200d\u00ad\u2060\ufeff]`;
// Scripts written without spaces: Lucene gives a token for each run of them.
const SOUTH_EAST_ASIAN = String.raw`\p{sc=Thai}\p{sc=Lao}\p{sc=Myanmar}\p{sc=Khmer}`;
const KATAKANA = String.raw`\p{sc=Katakana}\u3031-\u3035\u309b\u309c\u30a0\u30fc\uff70`;
const SINGLE = String.raw`[\p{Ideographic}\p{sc=Hiragana}]`;
const LETTER = String.raw`(?:(?!${SINGLE}|[${KATAKANA}${SOUTH_EAST_ASIAN}])[\p{Alphabetic}\u00b8\u02c2-\u02df]${EXTEND}*)`;
const DIGIT = String.raw`(?:\p{Nd}${EXTEND}*)`;
const CONNECTOR = String.raw`(?:[\p{Pc}\u202f]${EXTEND}*)`;
// One of these between two letters, or between two digits, does not break a word.
const BETWEEN_BOTH = String.raw`.'\u2018\u2019\u2024\ufe52\uff07\uff0e`;
const BETWEEN_LETTERS = String.raw`(?:[${BETWEEN_BOTH}:\u00b7\u0387\u055f\u05f4\u2027\ufe13\ufe55\uff1a]${EXTEND}*)`;
const BETWEEN_DIGITS = String.raw`(?:[${BETWEEN_BOTH},;\u037e\u0589\u060c\u060d\u066c\u07f8\u2044\ufe10\ufe14\ufe50\ufe54\uff0c\uff1b]${EXTEND}*)`;

const LETTERS = `${LETTER}+(?:${BETWEEN_LETTERS}${LETTER}+)*`;
const DIGITS = `${DIGIT}+(?:${BETWEEN_DIGITS}${DIGIT}+)*`;
const KATAKANA_RUN = `(?:[${KATAKANA}]${EXTEND}*)+`;
const WORD = `(?:(?:${LETTERS}|${DIGITS})+)`;

const TOKEN = new RegExp(
  `${CONNECTOR}*(?:${WORD}|${KATAKANA_RUN})(?:${CONNECTOR}+(?:${WORD}|${KATAKANA_RUN}))*${CONNECTOR}*` +
    `|${SINGLE}${EXTEND}*|(?:[${SOUTH_EAST_ASIAN}]${EXTEND}*)+`,
  'gu',
);

/** The same for text in ASCII, several times faster. */
const ASCII_WORD = `(?:[A-Za-z]+(?:[.':][A-Za-z]+)*|[0-9]+(?:[.',;][0-9]+)*)+`;
const ASCII_TOKEN = new RegExp(`_*${ASCII_WORD}(?:_+${ASCII_WORD})*_*`, 'g');

/** Lucene's limit, in UTF-16 code units: a longer word is cut into pieces of this length. */
const MAX_TOKEN_LENGTH = 255;

/** The words of a text, in order, as they are written. */
export function tokenize(text: string): string[] {
  const tokens: string[] = (isAscii(text) ? text.match(ASCII_TOKEN) : text.match(TOKEN)) ?? [];
  if (!tokens.some((token) => token.length > MAX_TOKEN_LENGTH)) return tokens;
  return tokens.flatMap((token) =>
    Array.from({ length: Math.ceil(token.length / MAX_TOKEN_LENGTH) }, (_, piece) =>
      token.slice(piece * MAX_TOKEN_LENGTH, (piece + 1) * MAX_TOKEN_LENGTH),
    ),
  );
}

function isAscii(text: string): boolean {
  for (let index = 0; index < text.length; index++) if (text.charCodeAt(index) > 127) return false;
  return true;
}
