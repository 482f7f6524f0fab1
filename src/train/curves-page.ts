import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { escapeHtml } from '../report-page.js';
import type { MetricsRecord } from './metrics-log.js';

interface Curve {
  readonly label: string;
  /** One value for each step; `null` where there is none. */
  readonly values: readonly (number | null)[];
}

interface Chart {
  readonly title: string;
  readonly curves: readonly Curve[];
}

/** A colour for each curve of a chart, readable on white for most kinds of colour vision (Okabe and Ito 2008). */
const COLOURS = ['#0072b2', '#d55e00', '#009e73', '#cc79a7', '#000000'];

/** One HTML page with a run's curves, self-contained: it needs neither network nor other files. */
export async function curvesPage(title: string, records: readonly MetricsRecord[]): Promise<string> {
  const dist = createRequire(import.meta.url).resolve('uplot/dist/uPlot.iife.min.js');
  const library = await readFile(dist, 'utf8');
  const styles = await readFile(dist.replace('uPlot.iife.min.js', 'uPlot.min.css'), 'utf8');
  const steps = [...new Set(records.map(({ step }) => step))].sort((a, b) => a - b);
  const data = { steps, charts: charts(steps, records), colours: COLOURS };
  // A script ends at the first `</script`, wherever it stands.
  const json = JSON.stringify(data).replaceAll('<', '\\u003c');
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>${escapeHtml(title)}</title>
<style>
${styles}
body { font: 15px/1.5 system-ui, sans-serif; max-width: 900px; margin: 2rem auto; padding: 0 1rem; }
</style>
<h1>${escapeHtml(title)}</h1>
${stageTable(records)}
<div id="charts"></div>
<script>${library}</script>
<script>
const { steps, charts, colours } = ${json};
for (const { title, curves } of charts) {
  const series = curves.map(({ label }, i) => ({
    label, stroke: colours[i % colours.length], width: 2, spanGaps: true, points: { show: steps.length < 100 },
  }));
  const options = { title, width: 860, height: 280, scales: { x: { time: false } }, series: [{ label: 'step' }, ...series] };
  new uPlot(options, [steps, ...curves.map(({ values }) => values)], document.getElementById('charts'));
}
</script>
</html>
`;
}

function charts(steps: readonly number[], records: readonly MetricsRecord[]): Chart[] {
  const curve = (label: string, pick: (record: MetricsRecord) => number | undefined): Curve => {
    const values = new Map<number, number>();
    for (const record of records) {
      const value = pick(record);
      if (value !== undefined) values.set(record.step, value);
    }
    return { label, values: steps.map((step) => values.get(step) ?? null) };
  };
  const ofStep = (label: string, key: 'loss' | 'instant' | 'thought' | 'generation' | 'corpus' | 'gradientNorm') =>
    curve(label, (record) => (record.type === 'step' ? record[key] : undefined));
  const all: Chart[] = [
    {
      title: 'Contrastive loss (InfoNCE)',
      curves: [ofStep('instant vector', 'instant'), ofStep('thought vector', 'thought')],
    },
    {
      title: 'Cross-entropy a token',
      curves: [ofStep('cloned thoughts', 'generation'), ofStep('documents', 'corpus')],
    },
    {
      title: 'nDCG@10 on the development split',
      curves: [curve('instant', (record) => (record.type === 'validation' ? record.instantNdcg10 : undefined))],
    },
    {
      title: 'Whole loss and gradient norm',
      curves: [ofStep('loss', 'loss'), ofStep('gradient norm', 'gradientNorm')],
    },
    {
      title: 'Learning rate',
      curves: [curve('learning rate', (record) => (record.type === 'step' ? record.learningRate : undefined))],
    },
    {
      title: 'Speed',
      curves: [curve('tokens/s', (record) => (record.type === 'step' ? record.tokens / record.seconds : undefined))],
    },
  ];
  return all
    .map(({ title, curves }) => ({ title, curves: curves.filter(({ values }) => values.some((v) => v !== null)) }))
    .filter(({ curves }) => curves.length > 0);
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
