import { escapeHtml } from '../../report-page.js';
import type { Candidates } from '../candidates.js';
import type { RefinedRecord } from '../committee/index.js';
import type { MinedRecord } from './report-records.js';

/** Enough to see what a document is about. */
const MOST_CHARACTERS = 400;

/** One query with its positives, its candidates, their votes and scores, and its negatives. */
export function sampleSection(sample: {
  readonly query: string;
  readonly candidates: Candidates;
  readonly positives: readonly string[];
  readonly refined: RefinedRecord | undefined;
  readonly mined: MinedRecord | undefined;
  readonly documents: ReadonlyMap<string, string>;
}): string {
  const { query, candidates, positives, refined, mined, documents } = sample;
  const document = (id: string) => {
    const text = documents.get(id) ?? '(not in the corpus)';
    return `<b>${escapeHtml(id)}</b> ${escapeHtml(text.slice(0, MOST_CHARACTERS))}${text.length > MOST_CHARACTERS ? ' …' : ''}`;
  };
  return [
    `<section class="sample"><h3>${escapeHtml(query)}</h3>`,
    ...positives.map((id) => `<details><summary>positive ${escapeHtml(id)}</summary><p>${document(id)}</p></details>`),
    candidateTable(candidates, refined),
    ...(mined ? [negatives(mined, document)] : []),
    '</section>',
  ].join('\n');
}

function candidateTable({ thoughts }: Candidates, refined: RefinedRecord | undefined): string {
  const members = Object.keys(refined?.scores ?? {});
  const head = ['', 'candidate', ...(refined ? ['vote', ...members] : [])];
  const rows = thoughts.map((thought, candidate) => {
    // The refined record has the candidates in the order of their votes.
    const place = refined?.candidates.indexOf(candidate) ?? -1;
    const values =
      refined && place >= 0 ? [refined.votes[place], ...members.map((member) => refined.scores[member]![place])] : [];
    const numbers = values.map((value) => `<td class="number">${value?.toFixed(3) ?? ''}</td>`).join('');
    return `<tr${place === 0 ? ' class="winner"' : ''}><td>${candidate + 1}</td><td>${escapeHtml(thought)}</td>${numbers}</tr>`;
  });
  return `<table><tr>${head.map((text) => `<th>${escapeHtml(text)}</th>`).join('')}</tr>\n${rows.join('\n')}\n</table>`;
}

function negatives({ negatives, teacher }: MinedRecord, document: (id: string) => string): string {
  const items = negatives.map((id, i) => `<li>${teacher.negatives[i]?.toFixed(3) ?? ''} ${document(id)}</li>`);
  return `<details><summary>${negatives.length} hard negatives (positive: ${teacher.positive.toFixed(3)})</summary><ol>${items.join('')}</ol></details>`;
}
