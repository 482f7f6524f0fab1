import type { SearchHit } from '../search/index.js';
import { snippet } from './format.js';

/** How far a hit has moved: ranks up (positive) or down, or not among the hits before. */
export type Move = number | 'new';

/** Moves of the hits against an earlier ranking. */
export function movesOf(hits: readonly { readonly id: string }[], before: readonly { readonly id: string }[]): Move[] {
  const ranks = new Map(before.map(({ id }, rank) => [id, rank]));
  return hits.map(({ id }, rank) => {
    const earlier = ranks.get(id);
    return earlier === undefined ? 'new' : earlier - rank;
  });
}

export function describeMove(move: Move): string {
  if (move === 'new') return 'new';
  if (move === 0) return '=';
  return move > 0 ? `↑${move}` : `↓${-move}`;
}

/** Hits for people: rank, score, title, id, and the start of the text. */
export function formatHits(hits: readonly SearchHit[], moves?: readonly Move[]): string {
  if (hits.length === 0) return 'No hits.\n';
  return hits
    .map(({ id, title, text, score }, i) => {
      const move = moves ? ` ${describeMove(moves[i]!).padEnd(4)}` : '';
      const name = title === undefined || title === id ? id : `${title}  (${id})`;
      return `${String(i + 1).padStart(2)}.${move} ${score.toFixed(3)}  ${name}\n    ${snippet(text)}\n`;
    })
    .join('');
}

/** Hits for programs. */
export function hitsToJson(hits: readonly SearchHit[], moves?: readonly Move[]) {
  return hits.map((hit, i) => ({ rank: i + 1, ...hit, ...(moves ? { move: moves[i] } : {}) }));
}
