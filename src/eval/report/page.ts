import { escapeHtml, reportPage } from '../../report-page.js';
import type { Evaluation, SetResult, SliceResult } from '../result.js';
import { THINKING_SYSTEMS } from '../systems/system-name.js';
import { chartData, type GainPoint, gainsOf } from './chart-data.js';
import { CHARTS_SCRIPT } from './charts-script.js';
import { describeEqualCost, describeSet, formatDifference, formatPoints, sliceTable } from './format.js';
import { describeRun } from './markdown.js';

/** Queries that are shown of those that gained, and of those that lost. */
const SHOWN = 10;

/** An evaluation as one self-contained HTML page. */
export function evaluationPage(evaluation: Evaluation): Promise<string> {
  const { sets, skipped } = evaluation;
  const missing = skipped.map(({ what, why }) => `<li>${escapeHtml(what)}: ${escapeHtml(why)}</li>`);
  return reportPage({
    title: 'Evaluation',
    body: [
      '<h1>Evaluation</h1>',
      ...paragraphs(describeRun(evaluation)),
      ...sets.map((set, i) => setSection(set, i, evaluation.measures)),
      ...(missing.length > 0 ? [`<h2>Not measured</h2><ul>${missing.join('')}</ul>`] : []),
    ].join('\n'),
    data: chartData(evaluation),
    script: CHARTS_SCRIPT,
    styles: 'body { max-width: 1200px; } table { font-size: 13px; } .wide { overflow-x: auto; }',
  });
}

const paragraphs = (lines: readonly string[]) => lines.map((line) => `<p>${escapeHtml(line)}</p>`);

function setSection(set: SetResult, i: number, measures: readonly string[]): string {
  const chart = (name: string, caption: string) =>
    `<figure id="${name}-${i}"><figcaption>${escapeHtml(caption)}</figcaption></figure>`;
  return [
    `<h2>${escapeHtml(set.name)}</h2>`,
    ...paragraphs(describeSet(set)),
    ...set.slices.flatMap((slice) => {
      const cost = describeEqualCost(slice);
      return [
        `<h3>${escapeHtml(slice.name)} (${slice.queries} queries)</h3>`,
        `<div class="wide">${htmlTable(sliceTable(slice, measures))}</div>`,
        ...paragraphs(cost ? [cost] : []),
        allDifferences(slice),
      ];
    }),
    chart('gains', 'Gain of each query by its thought, sorted'),
    chart('length', 'Gain against the length of the thought'),
    chart('cost', 'Quality against time; the dashed line joins the ways of this model that none of its others beats'),
    chart('trust', 'Quality against the share of the instant vector in the final one; dashed: dev queries'),
    ...THINKING_SYSTEMS.map((system) => extremes(system, gainsOf(set.queries, system))),
  ].join('\n');
}

function allDifferences({ name, differences }: SliceResult): string {
  const rows = differences.map((entry) => [entry.system, entry.against, formatDifference(entry)]);
  const table = htmlTable([['system', 'against', 'points [95 %], p'], ...rows]);
  return `<details><summary>All differences, ${escapeHtml(name)}</summary>${table}</details>`;
}

/** The queries that gained and lost most, with their thoughts. */
function extremes(system: string, gains: readonly GainPoint[]): string {
  if (gains.length === 0) return '';
  const gained = gains.filter(({ gain }) => gain > 0).slice(0, SHOWN);
  const lost = gains
    .filter(({ gain }) => gain < 0)
    .slice(-SHOWN)
    .reverse();
  const list = (title: string, points: readonly GainPoint[]) => {
    const rows = points.map(({ gain, query, thought }) => [formatPoints(gain), query, thought]);
    return points.length === 0
      ? `<p>No query ${title}.</p>`
      : `<h4>${points.length} that ${title} most</h4>${htmlTable([['points', 'query', 'thought'], ...rows])}`;
  };
  const name = escapeHtml(system);
  return `<details><summary>Queries that gained and lost most with ${name}</summary>${list('gained', gained)}${list('lost', lost)}</details>`;
}

function htmlTable([header, ...rows]: readonly (readonly string[])[]): string {
  const row = (tag: string, cells: readonly string[]) =>
    `<tr>${cells.map((cell) => `<${tag}>${escapeHtml(cell)}</${tag}>`).join('')}</tr>`;
  return `<table>${row('th', header!)}${rows.map((cells) => row('td', cells)).join('')}</table>`;
}
