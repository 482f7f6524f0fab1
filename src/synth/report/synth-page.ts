import { join } from 'node:path';
import { escapeHtml, reportPage } from '../../report-page.js';
import { documentText, type RetrievalSet } from '../../search/index.js';
import { writeAtomically } from '../../write-atomically.js';
import { type Candidates, candidatesPath, readCandidates } from '../candidates.js';
import type { Judgement } from '../committee/index.js';
import { meanDiversity } from '../explore/diversity.js';
import { readSynthManifest, STAGES, type SynthManifest } from '../manifest.js';
import { seededOrder } from '../seeded.js';
import { type ReportFigures, reportFigures } from './report-figures.js';
import { type MinedRecord, type RefinedRecord, readMined, readRefined } from './report-records.js';
import { sampleSection } from './report-samples.js';
import { table } from './report-table.js';

export interface ReportOptions {
  /** The data set that the thoughts are about. */
  readonly set: RetrievalSet;
  /** Queries shown with all that is known of them. Default 20. */
  readonly samples?: number | undefined;
  /** Of the choice of samples. Default 0. */
  readonly seed?: number | undefined;
  /** What a judge of the committee's choices has found. Default: none was asked. */
  readonly judgement?: (Judgement & { readonly encoder: string }) | undefined;
}

/**
 * Writes `report.html` into an output folder: one page that needs nothing else, about the stages that have run so far.
 *
 * @returns the page's path.
 * @throws NotFoundError where there are no candidates yet.
 */
export async function writeSynthReport(folder: string, options: ReportOptions): Promise<string> {
  const { set, samples = 20, seed = 0, judgement } = options;
  const candidates = await readCandidates(candidatesPath(folder));
  const manifest = await readSynthManifest(folder);
  // A file that the manifest does not know was made from other candidates or queries.
  const refined: ReadonlyMap<string, RefinedRecord> = manifest.stages.refine ? await readRefined(folder) : new Map();
  const mined: ReadonlyMap<string, MinedRecord> = manifest.stages.negatives ? await readMined(folder) : new Map();
  const figures = reportFigures(candidates, refined.values(), mined.values());
  const shown = seededOrder(candidates, 'report', seed).slice(0, samples);
  const path = join(folder, 'report.html');
  await writeAtomically(path, await page({ manifest, candidates, refined, mined, figures, shown, set, judgement }));
  return path;
}

interface PageParts {
  readonly manifest: SynthManifest;
  readonly candidates: readonly Candidates[];
  readonly refined: ReadonlyMap<string, RefinedRecord>;
  readonly mined: ReadonlyMap<string, MinedRecord>;
  readonly figures: ReportFigures;
  readonly shown: readonly Candidates[];
  readonly set: RetrievalSet;
  readonly judgement: ReportOptions['judgement'];
}

function page({ manifest, candidates, refined, mined, figures, shown, set, judgement }: PageParts): Promise<string> {
  const documents = new Map(set.documents.map((document) => [document.id, documentText(document)]));
  const queries = new Map(set.queries.map(({ id, text }) => [id, text]));
  const samples = shown.map((one) =>
    sampleSection({
      query: queries.get(one.id) ?? one.id,
      candidates: one,
      positives: [...(set.qrels.get(one.id) ?? [])].filter(([, grade]) => grade > 0).map(([id]) => id),
      refined: refined.get(one.id),
      mined: mined.get(one.id),
      documents,
    }),
  );
  const title = 'Synthesised thoughts';
  return reportPage({
    title,
    styles: STYLES,
    body: [
      `<h1>${title}</h1>`,
      stagesTable(manifest),
      rejectionTable(manifest),
      '<h2>Candidates</h2>',
      diversityLine(candidates),
      '<div id="candidates" class="charts"></div>',
      ...(refined.size > 0
        ? [
            '<h2>Committee</h2>',
            winsTable(figures),
            agreementTable(figures, manifest),
            ...(judgement ? [judgementTable(judgement)] : []),
            '<div id="committee" class="charts"></div>',
          ]
        : []),
      ...(mined.size > 0 ? ['<h2>Hard negatives</h2>', '<div id="negatives" class="charts"></div>'] : []),
      `<h2>${shown.length} of ${candidates.length} queries</h2>`,
      ...samples,
      '<h2>Manifest</h2>',
      `<details><summary>Settings, prompts, seeds</summary><pre>${escapeHtml(JSON.stringify(manifest, undefined, 2))}</pre></details>`,
    ].join('\n'),
    data: figures,
    script: DRAW,
  });
}

/** Counts and cost of each stage that has run. */
function stagesTable({ stages }: SynthManifest): string {
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

function rejectionTable({ stages }: SynthManifest): string {
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

function diversityLine(candidates: readonly Candidates[]): string {
  const diversity = meanDiversity(candidates.map(({ thoughts }) => thoughts));
  if (!diversity) return '';
  const { jaccardDistance, distinct2 } = diversity;
  return `<p>Mean word distance between the candidates of a query: ${jaccardDistance.toFixed(3)} (0: the same words, 1: none in common). distinct-2: ${distinct2.toFixed(3)}.</p>`;
}

function winsTable({ wins, choices }: ReportFigures): string {
  const head = ['chosen by', ...wins.map((_, i) => `candidate ${i + 1}`)];
  const rows = [
    ['the vote', ...wins.map(String)],
    ...Object.entries(choices).map(([member, own]) => [`${member} alone`, ...own.map(String)]),
  ];
  return table(head, rows, 1);
}

/** How often two choose alike; Cohen's kappa and Kendall's tau of two members, where the manifest has them. */
function agreementTable({ agreement }: ReportFigures, { stages }: SynthManifest): string {
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

/** nDCG@10 by who chooses the thought, for an encoder outside the committee. */
function judgementTable({
  encoder,
  queries,
  query,
  winner,
  random,
  worst,
  best,
  members,
}: NonNullable<ReportOptions['judgement']>): string {
  const rows: [string, number][] = [
    ['the vote', winner],
    ...Object.entries(members).map(([member, value]): [string, number] => [`${member} alone`, value]),
    ['a random candidate', random],
    ['the worst by vote', worst],
    ['the best there is', best],
    ['no thought', query],
  ];
  const figures = rows.map(([name, value]) => [name, value.toFixed(4)]);
  return `<p>${escapeHtml(encoder)} with the query and one candidate, over ${queries} queries:</p>${table(['chosen by', 'nDCG@10'], figures, 1)}`;
}

const STYLES = `
.sample { border-top: 2px solid #ddd; padding: .5rem 0; }
.winner td { background: #eef7ee; }
pre { white-space: pre-wrap; }
.charts { display: flex; flex-wrap: wrap; gap: 1rem; }
`;

const DRAW = `
const width = 440;
const add = (place, title, marks, more = {}) => document.getElementById(place)?.append(Plot.plot({ title, width, height: 240, y: { grid: true }, marks: [...marks, Plot.ruleY([0])], ...more }));
const histogram = (values, more) => Plot.rectY(values, Plot.binX({ y: 'count' }, { x: (d) => d, ...more }));
if (data.tokens.length) add('candidates', 'Tokens of a thought', [histogram(data.tokens, { interval: 8 })], { x: { label: 'tokens' } });
if (data.diversity.length) add('candidates', 'Word distance between the candidates of a query', [histogram(data.diversity.map((d) => d.jaccardDistance), { interval: .05 })], { x: { label: 'distance', domain: [0, 1] } });
if (data.margins.length) add('committee', "The winner's vote less the next one's", [histogram(data.margins, {})], { x: { label: 'margin' } });
if (data.teacher.length) add('negatives', "The committee's scores", [Plot.rectY(data.teacher, Plot.binX({ y: 'proportion-facet' }, { x: 'score', fill: 'kind', fy: 'kind' }))], { x: { label: 'mean cosine' }, color: { legend: true }, fy: { axis: null }, height: 300 });
`;
