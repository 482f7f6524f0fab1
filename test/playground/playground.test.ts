import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { indexCorpus, openStore, type VectorStore } from '../../src/search/index.js';
import { type AppOptions, createApp, type Listening, listen } from '../../src/server/index.js';
import { SlowService } from './slow-service.js';

/** The playground in a browser, as a visitor sees it. */

const CHROMIUM = process.env.O1_CHROMIUM ?? '/usr/bin/chromium';
/** Screenshots are kept where this names a folder. */
const SCREENSHOTS = process.env.O1_SCREENSHOTS;

const QUESTION = 'rotate files';
const THOUGHT = 'Nightly snapshots of the volume go to the cold store.';
const DOCUMENTS = [
  {
    id: 'logs.md#rotation',
    title: 'Logs > Rotation',
    text: 'Rotate files with logrotate once they reach a hundred megabytes.',
  },
  { id: 'logs.md#retention', title: 'Logs > Retention', text: 'Files are kept for thirty days and then removed.' },
  {
    id: 'backup.md#snapshots',
    title: 'Backup > Snapshots',
    text: 'Snapshots of the volume go to the cold store every night.',
  },
  {
    id: 'backup.md#restore',
    title: 'Backup > Restore',
    text: 'Restore the volume from the cold store, then start the service.',
  },
  { id: 'network.md', title: 'Network', text: 'Connections without traffic are closed.' },
];

describe.skipIf(!existsSync(CHROMIUM))(`in ${CHROMIUM} (skipped where it is not installed)`, () => {
  let browser: Browser;
  let home: string;
  let store: VectorStore;
  let service: SlowService;
  let server: Listening;
  let page: Page;
  /** What the browser complains of: a blocked style, a missing file, an error of the script. */
  let complaints: string[];

  beforeAll(async () => {
    browser = await chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox'] });
    home = await mkdtemp(join(tmpdir(), 'o1-playground-'));
    const encoder = new SlowService({});
    store = await openStore(join(home, 'index'), { encoder, access: 'write' });
    await indexCorpus(store, DOCUMENTS, encoder);
    if (SCREENSHOTS) await mkdir(SCREENSHOTS, { recursive: true });
  });
  afterAll(async () => {
    await browser?.close();
    await store?.close();
    await rm(home, { recursive: true, force: true });
  });
  beforeEach(() => {
    service = new SlowService({ [QUESTION]: THOUGHT });
  });
  afterEach(async () => {
    await page.close();
    await server.close(0);
    expect(complaints).toEqual([]);
  });

  /** Opens the page of a server with this service and, unless told otherwise, with the documents. */
  async function open(options: Parameters<Browser['newPage']>[0] = {}, app?: AppOptions): Promise<void> {
    server = await listen(createApp(app ?? { service, store }), { port: 0 });
    page = await browser.newPage(options);
    complaints = [];
    page.on('console', (message) => message.type() === 'error' && complaints.push(message.text()));
    page.on('pageerror', (error) => complaints.push(String(error)));
    await page.goto(server.address);
  }

  const text = (selector: string) => page.locator(selector).textContent();
  const titles = () => page.locator('#hits .title').allTextContents();
  const status = (pattern: RegExp) => page.locator('#status', { hasText: pattern }).waitFor();
  const screenshot = async (name: string) => {
    // Whatever moves has arrived.
    await page.waitForTimeout(800);
    await page.screenshot({ ...(SCREENSHOTS ? { path: join(SCREENSHOTS, `${name}.png`) } : {}), fullPage: true });
  };

  async function ask(question = QUESTION): Promise<void> {
    await page.getByRole('searchbox').fill(question);
    await page.keyboard.press('Enter');
  }

  test('instant hits at once, the thought as it grows, then the hits with their moves', async () => {
    await open({ viewport: { width: 1100, height: 900 } });
    expect(await text('#model')).toBe('fake-o1');
    // The question can be typed at once.
    await page.keyboard.type(QUESTION);
    await page.keyboard.press('Enter');

    await status(/^5 instant hits after 12 ms\. Thinking …$/);
    expect(await text('#hits-heading')).toBe('Instant hits');
    expect((await titles())[0]).toBe('Logs > Rotation');
    expect(await page.locator('.move').count()).toBe(0);
    expect(await page.locator('#thoughts-section').isVisible()).toBe(false);

    service.step(2);
    await page.locator('#thoughts p', { hasText: /^Nightly snapshots$/ }).waitFor();
    expect(await page.locator('#thoughts').getAttribute('aria-busy')).toBe('true');
    service.step(4);
    await page.locator('#thoughts p', { hasText: /^Nightly snapshots of the volume go$/ }).waitFor();
    expect(await page.locator('#picture-section').isVisible()).toBe(false);

    service.step(10);
    await status(/^5 hits after [\d.]+ m?s\. The thought moved them: \d up, \d down\.$/);
    expect(await text('#thoughts p')).toBe(THOUGHT);
    expect(await page.locator('#thoughts').getAttribute('aria-busy')).toBe('false');
    expect(await text('#hits-heading')).toBe('Hits with the thought');
    expect((await titles())[0]).toBe('Backup > Snapshots');
    const first = page.locator('#hits li').first();
    expect(await first.locator('.move.up').textContent()).toMatch(/^▲ \d/);
    expect(await first.locator('.for-screen-readers').textContent()).toMatch(/^up \d$/);
    expect(await page.locator('.move.down').count()).toBeGreaterThan(0);

    expect(await page.locator('#picture .document').count()).toBe(5);
    expect(await page.locator('#picture .arrow').count()).toBe(1);
    expect(await page.locator('#picture').getAttribute('aria-label')).toMatch(
      /^5 hits around the query\. .*Nearest to the query with its thought: Backup > Snapshots\.$/,
    );
    await screenshot('wide');
    expect(service.asked).toMatchObject([{ text: QUESTION, options: { think: 'always', thoughts: 1 } }]);
    expect(service.asked[0]!.options.temperature).toBeUndefined();
  });

  test('without a thought the instant hits are the answer', async () => {
    await open();
    await page.getByLabel('never').check();
    await ask();
    await status(/^5 hits after [\d.]+ m?s\. Without a thought: these are the instant hits\.$/);
    expect(await page.locator('.move').count()).toBe(0);
    expect(await page.locator('#picture .arrow').count()).toBe(0);
    expect(service.asked[0]!.options).toMatchObject({ think: 'never' });
  });

  test('what the form says is what is asked', async () => {
    await open();
    await page.getByLabel('auto').check();
    await page.getByLabel('Thoughts').fill('3');
    await page.getByLabel('Temperature').fill('0.7');
    await ask();
    service.step(100);
    await status(/^5 hits after/);
    expect(service.asked[0]!.options).toMatchObject({ think: 'auto', thoughts: 3, temperature: 0.7 });
  });

  test('without a rule for when to think, auto cannot be chosen, and the page says why', async () => {
    service = new SlowService({}, { auto: false });
    await open();
    const reason = 'this adapter has no rule for when to think';
    await page.locator('#no-auto', { hasText: reason }).waitFor();
    expect(await page.getByLabel('auto').isDisabled()).toBe(true);
    expect(await page.locator('#no-auto').isVisible()).toBe(true);
    expect(await page.getByLabel('always').isChecked()).toBe(true);
    // A screen reader says it with the button.
    expect(await page.getByLabel('auto').getAttribute('aria-describedby')).toBe('no-auto');
  });

  test('with a rule it can', async () => {
    await open();
    await page.locator('#model', { hasText: 'fake-o1' }).waitFor();
    expect(await page.getByLabel('auto').isDisabled()).toBe(false);
    expect(await page.locator('#no-auto').isVisible()).toBe(false);
  });

  test('of several thoughts those that were finished in time are put where they were written', async () => {
    await open();
    const token = (sample: number, text: string) => ({ event: 'token', data: { sample, text } });
    const thought = (sample: number, text: string) => ({ sample, text, finish_reason: 'stop', log_probability: -1 });
    const events = [
      { event: 'instant', data: { prefill_ms: 3 } },
      ...[token(0, 'one'), token(1, 'two'), token(2, 'three'), token(0, ' more')],
      {
        event: 'final',
        data: {
          ...{ basis: 'thoughts', deadline_reached: true, cached: false, timings: { total_ms: 50 } },
          thoughts: [thought(0, 'one more.'), thought(2, 'three.')],
        },
      },
    ];
    const body = events.map(({ event, data }) => `event: ${event}\ndata: ${JSON.stringify(data)}\n\n`).join('');
    await page.route('**/v1/thoughts', (route) => route.fulfill({ contentType: 'text/event-stream', body }));
    await ask();
    await status(/The deadline was reached\./);
    expect(await page.locator('#thoughts p').allTextContents()).toEqual(['one more.', 'two …', 'three.']);
  });

  test('a thought can be stopped, and a new question ends the old one', async () => {
    await open();
    await ask();
    await status(/Thinking …$/);
    await page.getByRole('button', { name: 'Stop' }).click();
    await status(/^Stopped\.$/);
    await expect.poll(() => service.abandoned).toBe(1);
    expect(await page.locator('#hits li').count()).toBe(5);

    await ask();
    await status(/Thinking …$/);
    await ask('something without a thought');
    await status(/Without a thought/);
    await expect.poll(() => service.abandoned).toBe(2);

    await ask();
    await status(/Thinking …$/);
    await page.keyboard.press('Escape');
    await status(/^Stopped\.$/);
  });

  test('without documents the thought and the vectors are shown', async () => {
    await open({}, { service });
    await ask();
    service.step(100);
    await status(/^The final vector after [\d.]+ m?s\. This server has no documents/);
    expect(await page.locator('#hits-section').isVisible()).toBe(false);
    expect(await text('#thoughts p')).toBe(THOUGHT);
    expect(await page.locator('#picture .arrow').count()).toBe(1);
  });

  test('markup in documents and thoughts is text', async () => {
    const evil = '<img src=x onerror=alert(1)>';
    const bad = new SlowService({ [QUESTION]: evil });
    await open({}, { service: bad });
    await ask();
    bad.step(100);
    await status(/^The final vector/);
    expect(await text('#thoughts p')).toBe(evil);
    expect(await page.locator('#thoughts img').count()).toBe(0);
  });

  test('on a phone nothing is wider than the screen', async () => {
    await open({ viewport: { width: 360, height: 740 }, colorScheme: 'dark' });
    await ask();
    service.step(100);
    await status(/^5 hits after/);
    const width = await page.evaluate('document.documentElement.scrollWidth');
    expect(width).toBe(360);
    const background = await page.evaluate('getComputedStyle(document.body).backgroundColor');
    expect(background).toBe('rgb(21, 24, 28)');
    for (const name of ['Search', 'never', 'Thoughts']) {
      const control = name === 'Search' ? page.getByRole('button', { name }) : page.getByLabel(name);
      expect(await control.isVisible()).toBe(true);
    }
    await screenshot('phone');
  });

  describe('errors are told in words', () => {
    afterEach(() => {
      // The browser reports the refused request as well: that is what these tests are about.
      complaints = complaints.filter((complaint) => !complaint.startsWith('Failed to load resource'));
    });

    async function refuse(status: number, message: string, headers: Record<string, string> = {}): Promise<void> {
      await page.route('**/v1/thoughts', (route) =>
        route.fulfill({
          status,
          headers,
          contentType: 'application/json',
          body: JSON.stringify({ error: { message } }),
        }),
      );
    }
    const alert = () => page.getByRole('alert').textContent();

    test('a busy server, a refused value', async () => {
      await open();
      await refuse(429, 'the queue is full.', { 'retry-after': '3' });
      await ask();
      await page.getByRole('alert').waitFor();
      expect(await alert()).toBe('The server is busy: the queue is full. Try again in 3 s.');
      await page.unroute('**/v1/thoughts');
      await refuse(400, 'temperature must be at most 2.');
      await ask();
      await page.getByRole('alert', { name: '' }).filter({ hasText: 'temperature must be at most 2.' }).waitFor();
    });

    test('an API key is asked for and sent', async () => {
      await open({}, { service, store, apiKey: 'secret' });
      await ask();
      await page.getByRole('alert').waitFor();
      expect(await alert()).toMatch(/API key/);
      expect(service.asked).toEqual([]);
      // The field for it has the focus.
      await page.keyboard.type('secret');
      await page.keyboard.press('Enter');
      service.step(100);
      await status(/^5 hits after/);
      expect(await page.getByRole('alert').isVisible()).toBe(false);
      await page.locator('#model', { hasText: 'fake-o1' }).waitFor();
    });

    test('a server that is gone, an answer that breaks off, an error in its midst', async () => {
      await open();
      const events = (body: string) =>
        page.route('**/v1/thoughts', (route) => route.fulfill({ contentType: 'text/event-stream', body }));
      await page.route('**/v1/thoughts', (route) => route.abort());
      await ask();
      await page.getByRole('alert').filter({ hasText: 'The server cannot be reached. Does it still run?' }).waitFor();
      await events('event: instant\ndata: {"hits":[],"prefill_ms":3}\n\nevent: tok');
      await ask();
      await page
        .getByRole('alert')
        .filter({ hasText: 'The connection ended before the answer was complete.' })
        .waitFor();
      await events('event: error\ndata: {"error":{"message":"the model has failed."}}\n\n');
      await ask();
      await page.getByRole('alert').filter({ hasText: 'the model has failed.' }).waitFor();
    });
  });
});
