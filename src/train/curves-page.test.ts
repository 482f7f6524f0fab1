import { existsSync } from 'node:fs';
import { chromium } from 'playwright-core';
import { expect, test } from 'vitest';
import { curvesPage } from './curves-page.js';
import type { MetricsRecord } from './metrics-log.js';

const CHROMIUM = process.env.O1_CHROMIUM ?? '/usr/bin/chromium';

const STEP = { type: 'step', set: 'a', loss: 2, gradientNorm: 1, learningRate: 1e-4, tokens: 100, seconds: 2 } as const;
const RECORDS: readonly MetricsRecord[] = [
  { ...STEP, step: 1, stage: 'a</script>', instant: 3 },
  { ...STEP, step: 2, stage: 'b', instant: 2, thought: 1.5, generation: 4 },
  { type: 'validation', step: 2, stage: 'b', instantNdcg10: 0.5, sets: { a: 0.5 }, seconds: 1 },
];

/** The values that the page draws, by chart and curve. */
function drawn(page: string) {
  const [, json] = /const data = (.*);\n/.exec(page)!;
  const charts = JSON.parse(json!) as { title: string; points: { step: number; value: number; curve: string }[] }[];
  return Object.fromEntries(
    charts.map(({ title, points }) => [title, points.map(({ step, value, curve }) => `${curve} ${step}: ${value}`)]),
  );
}

test('curves have a value for each step that has one', async () => {
  expect(drawn(await curvesPage('Run', RECORDS))).toEqual({
    'Contrastive loss (InfoNCE)': ['instant vector 1: 3', 'instant vector 2: 2', 'thought vector 2: 1.5'],
    'Cross-entropy a token': ['cloned thoughts 2: 4'],
    'nDCG@10 of the instant vectors on the development splits': ['instant vector 2: 0.5'],
    'Whole loss': ['loss 1: 2', 'loss 2: 2'],
    'Gradient norm': ['gradient norm 1: 1', 'gradient norm 2: 1'],
    'Learning rate': ['learning rate 1: 0.0001', 'learning rate 2: 0.0001'],
    Speed: ['tokens/s 1: 50', 'tokens/s 2: 50'],
  });
});

test('each set has its own curves', async () => {
  const other = { ...STEP, set: 'b', step: 3, stage: 'b', instant: 1 };
  const validation = { type: 'validation', step: 3, stage: 'b', instantNdcg10: 0.5, sets: { a: 0.4, b: 0.6 } } as const;
  const charts = drawn(await curvesPage('Run', [RECORDS[0]!, other, { ...validation, seconds: 1 }]));
  expect(charts['Contrastive loss (InfoNCE)']).toEqual(['instant vector, a 1: 3', 'instant vector, b 3: 1']);
  expect(charts['nDCG@10 of the instant vectors on the development splits']).toEqual(['a 3: 0.4', 'b 3: 0.6']);
});

test('texts cannot break the page', async () => {
  const page = await curvesPage('<b>& more', RECORDS);
  expect(page).toContain('<title>&#60;b&#62;&#38; more</title>');
  expect(page).toContain('<td>a&#60;/script&#62;</td>');
});

test.skipIf(!existsSync(CHROMIUM))(`${CHROMIUM} draws every chart (skipped where it is not installed)`, async () => {
  const browser = await chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox'] });
  try {
    const page = await browser.newPage();
    const errors: string[] = [];
    page.on('pageerror', (error) => errors.push(error.message));
    page.on('request', (request) => errors.push(`asks for ${request.url()}`));
    await page.setContent(await curvesPage('Run', RECORDS));
    expect(errors).toEqual([]);
    const charts = page.locator('#charts > figure');
    expect(await charts.count()).toBe(7);
    for (const chart of await charts.all()) expect(await chart.locator('svg circle').count()).toBeGreaterThan(0);
    const curves = charts.first().locator('g[aria-label="line"] path');
    expect(await curves.count()).toBe(2);
    const box = (await charts.first().boundingBox())!;
    expect(box.height).toBeGreaterThan(200);
    if (process.env.O1_SCREENSHOTS)
      await page.screenshot({ path: `${process.env.O1_SCREENSHOTS}/curves.png`, fullPage: true });
  } finally {
    await browser.close();
  }
});
