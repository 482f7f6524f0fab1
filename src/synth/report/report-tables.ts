import { escapeHtml } from '../../report-page.js';
import type { Candidates } from '../candidates.js';
import type { Judgement } from '../committee/index.js';
import { meanDiversity } from '../explore/diversity.js';
import { STAGES, type SynthManifest } from '../manifest.js';
import type { ReportFigures } from './report-figures.js';

/** Counts and cost of each stage that has run. */
export function stagesTable({ stages }: SynthManifest): string {
  const number = (value: unknown) => (typeof value === 'number' ? value.toLocaleString('en-US') : '');
  const rows = STAGES.flatMap((name) => {
    const record = stages[name];
    if (!record) return [];
    const usage = (record.usage ?? {}) as Record<string, unknown>;
    const rejected = Array.isArray(record.rejected) ? record.rejected.length : undefined;
    const counts = [
      record.queries,
      record.thoughts,
      rejected,
      usage.answers,
      usage.promptTokens,
      usage.completionTokens,
    ];
    return [[name, String(record.model ?? ''), ...counts.map(number), number(usage.cost)]];
  });
  const head = [
    'stage',
    'by',
    'queries',
    'thoughts',
    'rejected',
    'answers',
    'prompt tokens',
    'completion tokens',
    'cost',
  ];
  return table(head, rows, 2);
}

export function rejectionTable({ stages }: SynthManifest): string {
  const counts = new Map<string, number>();
  for (const name of STAGES) {
    const rejected = stages[name]?.rejected;
    for (const { reason } of Array.isArray(rejected) ? (rejected as { reason: string }[]) : []) {
      const key = `${name}\t${reason}`;
      counts.set(key, (counts.get(key) ?? 0) + 1);
    }
  }
  if (counts.size === 0) return '';
  return table(
    ['stage', 'rejected because', 'times'],
    [...counts].map(([key, count]) => [...key.split('\t'), String(count)]),
    2,
  );
}

export function diversityLine(candidates: readonly Candidates[]): string {
  const diversity = meanDiversity(candidates.map(({ thoughts }) => thoughts));
  if (!diversity) return '';
  const { jaccardDistance, distinct2 } = diversity;
  return `<p>Mean word distance between the candidates of a query: ${jaccardDistance.toFixed(3)} (0: the same words, 1: none in common). distinct-2: ${distinct2.toFixed(3)}.</p>`;
}

export function winsTable({ wins, choices }: ReportFigures): string {
  const head = ['chosen by', ...wins.map((_, i) => `candidate ${i + 1}`)];
  const rows = [
    ['the vote', ...wins.map(String)],
    ...Object.entries(choices).map(([member, own]) => [`${member} alone`, ...own.map(String)]),
  ];
  return table(head, rows, 1);
}

/** How often two choose alike; Cohen's kappa and Kendall's tau of two members, where the manifest has them. */
export function agreementTable({ agreement }: ReportFigures, { stages }: SynthManifest): string {
  const measured = (stages.refine?.agreement ?? []) as readonly {
    a: string;
    b: string;
    kappa?: number;
    tau?: number;
  }[];
  const rows = agreement.map(({ a, b, share }) => {
    const more = measured.find((one) => one.a === a && one.b === b);
    return [a, b, share.toFixed(3), more?.kappa?.toFixed(3) ?? '', more?.tau?.toFixed(3) ?? ''];
  });
  return table(['', '', 'choose alike', "Cohen's kappa", "Kendall's tau"], rows, 2);
}

/** What a judge of the committee's choices has found, and the judge's name. */
export type NamedJudgement = Judgement & { readonly judge: string };

/** nDCG@10 by who chooses the thought, and what the vote is ahead of each. */
export function judgementTable({
  judge,
  queries,
  query,
  winner,
  random,
  worst,
  best,
  members,
}: NamedJudgement): string {
  const rows: [string, number][] = [
    ['the vote', winner],
    ...Object.entries(members).map(([member, value]): [string, number] => [`${member} alone`, value]),
    ['a random candidate', random],
    ['the worst by vote', worst],
    ['the best there is', best],
    ['no thought', query],
  ];
  const figures = rows.map(([name, value], i) => [name, value.toFixed(4), i === 0 ? '' : signed(winner - value)]);
  const partial = judge in members ? ' It sits in the committee, so it may favour its own choice.' : '';
  const head = `<p>${escapeHtml(judge)} with the query and one candidate, over ${queries} queries.${partial}</p>`;
  return `${head}${table(['chosen by', 'nDCG@10', 'the vote is ahead by'], figures, 1)}`;
}

const signed = (value: number) => `${value < 0 ? '−' : '+'}${Math.abs(value).toFixed(4)}`;

/** An HTML table; the first columns hold texts, the others numbers. */
function table(head: readonly string[], rows: readonly (readonly string[])[], texts: number): string {
  const cell = (tag: string) => (text: string, column: number) =>
    `<${tag}${column < texts ? '' : ' class="number"'}>${escapeHtml(text)}</${tag}>`;
  const lines = rows.map((row) => `<tr>${row.map(cell('td')).join('')}</tr>`);
  return `<table>\n<tr>${head.map(cell('th')).join('')}</tr>\n${lines.join('\n')}\n</table>`;
}
