import type { Block } from './markdown-sections.js';

/** Tells how many tokens a text has. */
export type TokenCounter = (text: string) => number;

/** A piece of text that is not to be cut, and what joins it to the piece before. */
interface Piece {
  readonly text: string;
  readonly separator: string;
}

/**
 * A longer text is taken as too long without counting: a tokenizer may need very long for a megabyte without a space.
 * English has about 4 characters a token; nothing but runs of white space has 64.
 */
const MOST_CHARACTERS_A_TOKEN = 64;

const LIST_OR_TABLE = /^\s*(?:[-*+]|\d+[.)]|\|)\s?/m;
const sentences = new Intl.Segmenter('en', { granularity: 'sentence' });

/**
 * Packs blocks into texts of at most `budget` tokens each, in order.
 *
 * A block that is too long alone is cut: code and lists at line ends (each part of a code block gets its fences), text at
 * sentences, a sentence at spaces, and a word that is still too long anywhere.
 */
export function packBlocks(blocks: readonly Block[], budget: number, countTokens: TokenCounter): string[] {
  const fits = (text: string) => text.length <= MOST_CHARACTERS_A_TOKEN * budget && countTokens(text) <= budget;
  const pieces = blocks.flatMap((block) => cut({ text: block.text, separator: '\n\n' }, block.kind, fits));
  return pack(pieces, fits);
}

function pack(pieces: readonly Piece[], fits: (text: string) => boolean): string[] {
  const texts: string[] = [];
  let text = '';
  for (const piece of pieces) {
    const joined = text === '' ? piece.text : text + piece.separator + piece.text;
    if (text === '' || fits(joined)) {
      text = joined;
    } else {
      texts.push(text);
      text = piece.text;
    }
  }
  if (text !== '') texts.push(text);
  return texts;
}

type Kind = Block['kind'] | 'sentence' | 'word';

function cut(piece: Piece, kind: Kind, fits: (text: string) => boolean): Piece[] {
  if (fits(piece.text)) return [piece];
  const parts = kind === 'code' ? codeParts(piece.text, fits) : cutText(piece.text, kind, fits);
  // The first part keeps what joined the whole to its predecessor.
  return parts.map((part, index) => (index === 0 ? { ...part, separator: piece.separator } : part));
}

function cutText(text: string, kind: Exclude<Kind, 'code'>, fits: (text: string) => boolean): Piece[] {
  if (kind === 'word') return halves(text, fits).map((part) => ({ text: part, separator: '' }));
  if (kind === 'sentence') {
    return text.split(/\s+/).flatMap((word) => cut({ text: word, separator: ' ' }, 'word', fits));
  }
  if (LIST_OR_TABLE.test(text) && text.includes('\n')) {
    return text.split('\n').flatMap((line) => cut({ text: line, separator: '\n' }, 'sentence', fits));
  }
  return [...sentences.segment(text)]
    .map(({ segment }) => segment.trim())
    .filter((sentence) => sentence !== '')
    .flatMap((sentence) => cut({ text: sentence, separator: ' ' }, 'sentence', fits));
}

/** A code block in parts, each between fences of its own. */
function codeParts(text: string, fits: (text: string) => boolean): Piece[] {
  const lines = text.split('\n');
  const opening = lines[0]!;
  const closing = opening.trim().match(/^(`+|~+)/)![0];
  const body = lines.at(-1)!.trim().startsWith(closing) && lines.length > 1 ? lines.slice(1, -1) : lines.slice(1);
  const fenced = (code: string) => `${opening}\n${code}\n${closing}`;
  const pieces = body.flatMap((line) => cut({ text: line, separator: '\n' }, 'word', (code) => fits(fenced(code))));
  return pack(pieces, (code) => fits(fenced(code))).map((code) => ({ text: fenced(code), separator: '\n\n' }));
}

/** Cuts a text in half until the parts fit, never inside a code point; a single code point stays, fit or not. */
function halves(text: string, fits: (text: string) => boolean): string[] {
  const points = [...text];
  if (points.length <= 1 || fits(text)) return [text];
  const middle = Math.ceil(points.length / 2);
  return [points.slice(0, middle), points.slice(middle)].flatMap((half) => halves(half.join(''), fits));
}
