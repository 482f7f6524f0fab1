import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { tinyBase, tinyRecipe, writeTinyData } from '../../test/support/tiny-training.js';
import { readMetrics } from './metrics-log.js';
import { loadTrained } from './save-adapter.js';
import { train } from './train.js';
import type { TrainEvent } from './train-event.js';

let work: string;
beforeAll(async () => {
  work = await mkdtemp(join(tmpdir(), 'o1-train-'));
  await writeTinyData(join(work, 'data'));
});
afterAll(() => rm(work, { recursive: true, force: true }));

const run = async (name: string, options: Partial<Parameters<typeof train>[2]> = {}) =>
  train(tinyRecipe(join(work, 'data')), tinyBase(), { output: join(work, name), threads: 1, ...options });
const weights = (name: string) => readFile(join(work, name, 'adapter_model.safetensors'));

test('a run through all kinds of stages makes an adapter that loads, and says what it did', async () => {
  const events: TrainEvent[] = [];
  const report = await run('first', { onEvent: (event) => events.push(event) });
  expect(report.steps).toBe(9);
  const metrics = await readMetrics(join(work, 'first', 'metrics.jsonl'));
  const steps = metrics.filter((record) => record.type === 'step');
  expect(steps.map(({ step }) => step)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9]);
  const kinds = steps.map(({ thought, generation, corpus }) => [thought, generation, corpus].map(Number.isFinite));
  expect(kinds[0]).toEqual([false, false, false]);
  expect(kinds[3]).toEqual([true, true, true]);
  expect(kinds[6]).toEqual([true, true, false]);
  const validated = metrics.filter(({ type }) => type === 'validation').map(({ step }) => step);
  expect(validated).toEqual([2, 3, 5, 6, 8, 9]);
  expect(events.filter(({ type }) => type === 'estimate')).toMatchObject([{ steps: 9 }]);
  expect(existsSync(join(work, 'first', 'state'))).toBe(false);
  const embedder = await loadTrained(join(work, 'first'), tinyBase(), { mode: 'fp32', threads: 1 });
  const [vector] = await embedder.embedDocuments(['file.open\nopens the file']);
  expect(vector).toHaveLength(32);
  await embedder.close();
});

test('two runs with one seed are equal to the last bit', async () => {
  await run('second');
  expect(await weights('second')).toEqual(await weights('first'));
});
