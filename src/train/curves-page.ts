import { escapeHtml, reportPage } from '../report-page.js';
import type { MetricsRecord, StepRecord } from './metrics-log.js';

/** One value of one curve. */
interface Point {
  readonly step: number;
  readonly value: number;
  readonly curve: string;
}

interface Chart {
  readonly title: string;
  readonly points: readonly Point[];
}

/** One HTML page with a run's curves, self-contained: it needs neither network nor other files. */
export function curvesPage(title: string, records: readonly MetricsRecord[]): Promise<string> {
  return reportPage({
    title,
    body: `<h1>${escapeHtml(title)}</h1>\n${stageTable(records)}\n<div id="charts"></div>`,
    data: charts(records),
    script: DRAW,
  });
}

/** Few values are shown as dots too: a curve of one would not be seen. */
const DRAW = `
for (const { title, points } of data) {
  const channels = { x: 'step', y: 'value', stroke: 'curve' };
  const few = d3.rollups(points, (own) => own.length, ({ curve }) => curve).some(([, count]) => count < 50);
  document.getElementById('charts').append(Plot.plot({
    title,
    width: 900,
    height: 280,
    x: { label: 'step' },
    y: { label: null, grid: true, nice: true, tickFormat: '~g' },
    color: { legend: true },
    marks: [Plot.lineY(points, channels), ...(few ? [Plot.dot(points, { ...channels, r: 2.5 })] : []), Plot.crosshairX(points, channels)],
  }));
}`;

function charts(records: readonly MetricsRecord[]): Chart[] {
  const steps = records.filter((record) => record.type === 'step');
  const several = new Set(steps.map(({ set }) => set)).size > 1;
  // Sets differ in how hard they are: as one curve their losses would jump from step to step.
  const named = (name: string, set: string) => (several ? `${name}, ${set}` : name);
  const curve = (name: string, value: (record: StepRecord) => number | undefined): Point[] =>
    steps.flatMap((record) => {
      const y = value(record);
      return y === undefined ? [] : [{ step: record.step, value: y, curve: named(name, record.set) }];
    });
  const validations = records.flatMap((record): Point[] => {
    if (record.type !== 'validation') return [];
    const sets = several ? Object.entries(record.sets) : [['instant vector', record.instantNdcg10] as const];
    return sets.map(([name, value]) => ({ step: record.step, value, curve: name }));
  });
  const all: Chart[] = [
    {
      title: 'Contrastive loss (InfoNCE)',
      points: [
        ...curve('instant vector', ({ instant }) => instant),
        ...curve('thought vector', ({ thought }) => thought),
      ],
    },
    {
      title: "Divergence from the committee's scores",
      points: curve('distillation', ({ distillation }) => distillation),
    },
    {
      title: 'Cross-entropy a token',
      points: [
        ...curve('cloned thoughts', ({ generation }) => generation),
        ...curve('documents', ({ corpus }) => corpus),
      ],
    },
    { title: 'nDCG@10 of the instant vectors on the development splits', points: validations },
    { title: 'Whole loss', points: curve('loss', ({ loss }) => loss) },
    { title: 'Gradient norm', points: curve('gradient norm', ({ gradientNorm }) => gradientNorm) },
    {
      title: 'Learning rate',
      points: steps.map(({ step, learningRate }) => ({ step, value: learningRate, curve: 'learning rate' })),
    },
    {
      title: 'Speed',
      points: steps.map(({ step, tokens, seconds }) => ({ step, value: tokens / seconds, curve: 'tokens/s' })),
    },
  ];
  return all.filter(({ points }) => points.length > 0);
}

/** Steps, tokens and time of each stage, with the last validation in it. */
function stageTable(records: readonly MetricsRecord[]): string {
  const rows = [...new Set(records.map(({ stage }) => stage))].map((stage) => {
    const own = records.filter((record) => record.stage === stage);
    const steps = own.filter((record) => record.type === 'step');
    const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
    const minutes = sum(own.map(({ seconds }) => seconds)) / 60;
    const validation = own.filter((record) => record.type === 'validation').at(-1);
    const cells = [
      stage,
      steps.length,
      sum(steps.map(({ tokens }) => tokens)).toLocaleString('en-US'),
      minutes.toFixed(1),
      validation?.instantNdcg10.toFixed(3) ?? '',
    ];
    return `<tr>${cells.map((cell) => `<td>${escapeHtml(String(cell))}</td>`).join('')}</tr>`;
  });
  return `<table>
<tr><th>stage</th><th>steps</th><th>tokens</th><th>minutes</th><th>nDCG@10 (instant)</th></tr>
${rows.join('\n')}
</table>`;
}
