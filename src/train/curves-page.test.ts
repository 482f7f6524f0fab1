import { expect, test } from 'vitest';
import { curvesPage } from './curves-page.js';
import type { MetricsRecord } from './metrics-log.js';

const STEP = { type: 'step', set: 'a', loss: 2, gradientNorm: 1, learningRate: 1e-4, tokens: 100, seconds: 2 } as const;
const RECORDS: readonly MetricsRecord[] = [
  { ...STEP, step: 1, stage: 'a</script>', instant: 3 },
  { ...STEP, step: 2, stage: 'b', instant: 2, thought: 1.5, generation: 4 },
  { type: 'validation', step: 2, stage: 'b', instantNdcg10: 0.5, sets: { a: 0.5 }, seconds: 1 },
];

/** What the page draws. */
function drawn(page: string) {
  const [, json] = /const \{ steps, charts, colours \} = (.*);\n/.exec(page)!;
  return JSON.parse(json!) as {
    steps: number[];
    charts: { title: string; curves: { label: string; values: number[] }[] }[];
  };
}

test('curves have a value for each step that has one', async () => {
  const { steps, charts } = drawn(await curvesPage('Run', RECORDS));
  expect(steps).toEqual([1, 2]);
  const curves = Object.fromEntries(charts.flatMap(({ curves }) => curves.map(({ label, values }) => [label, values])));
  expect(curves).toEqual({
    'instant vector': [3, 2],
    'thought vector': [null, 1.5],
    'cloned thoughts': [null, 4],
    instant: [null, 0.5],
    loss: [2, 2],
    'gradient norm': [1, 1],
    'learning rate': [1e-4, 1e-4],
    'tokens/s': [50, 50],
  });
});

test('the page needs nothing else, and texts cannot break it', async () => {
  const page = await curvesPage('<b>& more', RECORDS);
  expect(page).not.toMatch(/(?:src|href)=/);
  expect(page).toContain('<title>&#60;b&#62;&#38; more</title>');
  expect(page.match(/<\/script>/g)).toHaveLength(2);
});
