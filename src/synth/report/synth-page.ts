import { join } from 'node:path';
import { escapeHtml, reportPage } from '../../report-page.js';
import { documentText, type RetrievalSet } from '../../search/index.js';
import { writeAtomically } from '../../write-atomically.js';
import { type Candidates, candidatesPath, readCandidates } from '../candidates.js';
import type { RefinedRecord } from '../committee/index.js';
import { readSynthManifest, type SynthManifest } from '../manifest.js';
import { seededOrder } from '../seeded.js';
import { type ReportFigures, reportFigures } from './report-figures.js';
import { type MinedRecord, readMined, readRefined } from './report-records.js';
import { sampleSection } from './report-samples.js';
import {
  agreementTable,
  diversityLine,
  judgementTable,
  type NamedJudgement,
  rejectionTable,
  stagesTable,
  winsTable,
} from './report-tables.js';

export interface ReportOptions {
  /** The data set that the thoughts are about. */
  readonly set: RetrievalSet;
  /** Queries shown with all that is known of them. Default 20. */
  readonly samples?: number | undefined;
  /** Of the choice of samples. Default 0. */
  readonly seed?: number | undefined;
  /** What a judge of the committee's choices has found. Default: none was asked. */
  readonly judgement?: NamedJudgement | undefined;
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
