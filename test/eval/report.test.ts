import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Evaluation, evaluationMarkdown, writeReport } from '../../src/eval/index.js';
import { chartData, gainsOf } from '../../src/eval/report/chart-data.js';
import { sampleEvaluation } from './sample-evaluation.js';

const CHROMIUM = process.env.O1_CHROMIUM ?? '/usr/bin/chromium';
const CHARTS = ['gains', 'length', 'cost', 'trust'];

/** Runs in the browser, hence a text: this project is compiled without the browser's types. */
const COUNT_COLOURED = `async (base64) => {
  const image = new Image();
  image.src = 'data:image/png;base64,' + base64;
  await image.decode();
  const canvas = Object.assign(document.createElement('canvas'), { width: image.width, height: image.height });
  const drawing = canvas.getContext('2d');
  drawing.drawImage(image, 0, 0);
  const { data } = drawing.getImageData(0, 0, image.width, image.height);
  let count = 0;
  for (let i = 0; i < data.length; i += 4) {
    const channels = data.slice(i, i + 3);
    if (Math.max(...channels) - Math.min(...channels) > 25) count++;
  }
  return count;
}`;

test('Markdown: intervals, differences, equal cost, and what was not measured', () => {
  const text = evaluationMarkdown(sampleEvaluation());
  expect(text).toContain('| o1:k1 | .550 [.500, .600] | +5.0 [-1.0, +11.0], p = .040 |  | 300 | 20 |');
  expect(text).toContain('auto thinks about 40 % of the queries: .560 at 150 ms');
  expect(text).toContain(
    'A coin that thinks as often would reach .520 at 165 ms: +4.0 points [-1.0, +11.0], p = .040.',
  );
  expect(text).toContain('From made up, split test: 100 documents, 40 queries.\n\nA remark.');
  expect(text).toContain('- sample: o1:expert: no thoughts of an expert');
  expect(text).toContain('BM25 has the rest of 0.70 for o1:k1 (chosen on 100 dev queries).');
});

test('charts: gains are sorted, and the front holds what no other way beats', () => {
  const evaluation = sampleEvaluation();
  const [charts] = chartData(evaluation);
  expect(charts!.cost.filter(({ onFront }) => onFront).map(({ system }) => system)).toEqual([
    'o1:never',
    'o1:always',
    'o1:auto',
  ]);
  const gains = gainsOf(evaluation.sets[0]!.queries, 'o1:k1');
  expect([gains[0]!.id, gains.at(-1)!.id, gains[0]!.rank]).toEqual(['q0', 'q39', 1]);
  expect(gainsOf(evaluation.sets[0]!.queries, 'o1:expert')).toEqual([]);
});

describe.skipIf(!existsSync(CHROMIUM))(`the page in ${CHROMIUM} (skipped where it is not installed)`, () => {
  let folder: string;
  let browser: Browser;
  const complaints: string[] = [];
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'o1-report-'));
    browser = await chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox'] });
  });
  afterAll(async () => {
    await browser?.close();
    await rm(folder, { recursive: true, force: true });
  });

  async function open(name: string, evaluation: Evaluation): Promise<Page> {
    const files = await writeReport(join(folder, name), evaluation);
    const page = await browser.newPage({ viewport: { width: 1250, height: 900 } });
    page.on('pageerror', (error) => complaints.push(error.message));
    page.on('request', (request) => {
      if (!request.url().startsWith('file:') && !request.url().startsWith('data:')) complaints.push(request.url());
    });
    await page.goto(pathToFileURL(files.find((file) => file.endsWith('.html'))!).href);
    return page;
  }

  /** Pixels of a chart's screenshot that have colour: text, axes and grid are grey. */
  async function colouredPixels(page: Page, chart: string): Promise<number> {
    const shot = await page.locator(`#${chart}-0`).screenshot();
    return page.evaluate<number>(`(${COUNT_COLOURED})(${JSON.stringify(shot.toString('base64'))})`);
  }

  test('every chart has marks in its screenshot; nothing is fetched, no error', async () => {
    const page = await open('full', sampleEvaluation());
    for (const chart of CHARTS) expect(await colouredPixels(page, chart), chart).toBeGreaterThan(100);
    expect(await page.locator('details').count()).toBe(4);
    await page.locator('summary', { hasText: 'o1:k1' }).click();
    expect(await page.locator('details').nth(0).textContent()).toContain('o1:k1o1:never+5.0 [-1.0, +11.0], p = .040');
    const text = await page.locator('details').nth(1).textContent();
    expect(text).toContain('+50.0query <0> & more</script> thought');
    expect(text).toMatch(/10 that gained most[\s\S]*10 that lost most/);
    expect(complaints).toEqual([]);
    if (process.env.O1_SCREENSHOTS) {
      await page.screenshot({ path: join(process.env.O1_SCREENSHOTS, 'evaluation.png'), fullPage: true });
    }
    await page.close();
  });

  test('without thinking systems a sentence stands where a chart would be empty', async () => {
    const evaluation = sampleEvaluation();
    const [set] = evaluation.sets;
    const queries = set!.queries.map((query) => ({ ...query, scores: { bm25: 0.4 }, thoughts: {} }));
    const page = await open('bare', { ...evaluation, sets: [{ ...set!, queries, trust: [] }] });
    for (const chart of ['gains', 'length', 'trust']) {
      expect(await colouredPixels(page, chart), chart).toBe(0);
      expect(await page.locator(`#${chart}-0`).textContent()).toContain('Nothing to draw');
    }
    expect(complaints).toEqual([]);
    await page.close();
  });

  test('the JSON is the whole evaluation', async () => {
    expect(JSON.parse(await readFile(join(folder, 'full', 'results.json'), 'utf8'))).toEqual(sampleEvaluation());
  });
});
