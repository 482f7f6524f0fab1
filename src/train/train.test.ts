import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { tinyBase, tinyRecipe, writeTinyData } from '../../test/support/tiny-training.js';
import { readCheckpointHeader } from './checkpoint.js';
import { readRecipe } from './config.js';
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
  const last = events.filter((event) => event.type === 'step').at(-1)!;
  expect(last.tokens).toBe(last.totalTokens);
  const kinds = steps.map(({ thought, generation, corpus }) => [thought, generation, corpus].map(Number.isFinite));
  expect(kinds[0]).toEqual([false, false, false]);
  expect(kinds[3]).toEqual([true, true, true]);
  expect(kinds[6]).toEqual([true, true, false]);
  const validated = metrics.filter(({ type }) => type === 'validation').map(({ step }) => step);
  expect(validated).toEqual([2, 3, 5, 6, 8, 9]);
  expect(events.filter(({ type }) => type === 'estimate')).toMatchObject([{ steps: 9 }]);
  const tried = metrics.filter((record) => record.type === 'thinking');
  expect(tried.map(({ thoughts }) => thoughts)).toEqual([0, 2]);
  const better = tried[1]!.ndcg10 > tried[0]!.ndcg10;
  expect(report.settings.thinking.think).toBe(better ? 'always' : 'never');
  expect(existsSync(join(work, 'first', 'state'))).toBe(false);
  expect(await readRecipe(join(work, 'first', 'recipe.json'))).toEqual(tinyRecipe(join(work, 'data')));
  expect(await readFile(join(work, 'first', 'curves.html'), 'utf8')).toContain('nDCG@10');
  const embedder = await loadTrained(join(work, 'first'), tinyBase(), { mode: 'fp32', threads: 1 });
  const [vector] = await embedder.embedDocuments(['file.open\nopens the file']);
  expect(vector).toHaveLength(32);
  await embedder.close();
});

test('two runs with one seed are equal to the last bit', async () => {
  await run('second');
  expect(await weights('second')).toEqual(await weights('first'));
});

test('Ctrl-C writes a checkpoint, and the run goes on from it to the same bits', async () => {
  for (const last of [1, 4, 7]) {
    const name = `stopped-${last}`;
    const controller = new AbortController();
    const reason = new Error('stopped');
    const onEvent = (event: TrainEvent) => {
      if (event.type === 'step' && event.record.step === last) controller.abort(reason);
    };
    await expect(run(name, { signal: controller.signal, onEvent })).rejects.toBe(reason);
    const saved = await readCheckpointHeader(join(work, name, 'state', 'checkpoint.safetensors'));
    expect(saved.progress.totalSteps).toBe(last);
    const resumed: TrainEvent[] = [];
    await run(name, { resume: true, onEvent: (event) => resumed.push(event) });
    expect(resumed).toContainEqual({ type: 'resumed', steps: last });
    const end = resumed.filter((event) => event.type === 'step').at(-1)!;
    expect(end.tokens).toBe(end.totalTokens);
    expect(await weights(name)).toEqual(await weights('first'));
  }
});

test('a run is not begun in a folder in use, and not gone on with by other settings', async () => {
  await expect(run('first')).rejects.toThrow(/the output folder is not empty/);
  await expect(run('first', { resume: true })).rejects.toThrow(/has finished/);
  const controller = new AbortController();
  const onEvent = ({ type }: TrainEvent) => type === 'step' && controller.abort(new Error('stopped'));
  await expect(run('changed', { signal: controller.signal, onEvent })).rejects.toThrow('stopped');
  const recipe = tinyRecipe(join(work, 'data'), { seed: 2 });
  const options = { output: join(work, 'changed'), threads: 1, resume: true };
  await expect(train(recipe, tinyBase(), options)).rejects.toThrow(/"recipe\.seed" is 2, the checkpoint's run had 1/);
});

test('thoughts of the stage under way that are gone cannot be written again', async () => {
  const controller = new AbortController();
  const onEvent = (event: TrainEvent) =>
    event.type === 'step' && event.record.step === 7 && controller.abort(new Error('stopped'));
  await expect(run('gone', { signal: controller.signal, onEvent })).rejects.toThrow('stopped');
  await rm(join(work, 'gone', 'state', 'stage-2', 'own-thoughts.jsonl'));
  await expect(run('gone', { resume: true })).rejects.toThrow(/own-thoughts\.jsonl: .* not all there/);
});

test('sequences beyond what the base model reads are an error', async () => {
  const recipe = tinyRecipe(join(work, 'data'), { lengths: { query: 200, thought: 60, document: 40 } });
  const options = { output: join(work, 'long'), threads: 1 };
  await expect(train(recipe, tinyBase(), options)).rejects.toThrow(/lengths: sequences grow to 265 tokens/);
});

test('a gradient that is too large stops the run with its batch, and leaves the weights as they were', async () => {
  const recipe = tinyRecipe(join(work, 'data'));
  const broken = { ...recipe, optimiser: { ...recipe.optimiser, explodingNorm: 1e-3 } };
  const output = join(work, 'exploded');
  await expect(train(broken, tinyBase(), { output, threads: 1 })).rejects.toThrow(/step 1 stopped the run: .*norm/);
  const failed = JSON.parse(await readFile(join(output, 'state', 'failed-batch.json'), 'utf8'));
  expect(failed.queryIds).toHaveLength(4);
  expect(failed.queries[0].tokens[0]).toBe(257);
  const saved = await readCheckpointHeader(join(output, 'state', 'checkpoint.safetensors'));
  expect(saved.progress.totalSteps).toBe(0);
});

test('a loss that is no number stops the run', async () => {
  const base = tinyBase();
  const broken = {
    ...base,
    read: async (name: string) => {
      const weight = await base.read(name);
      return name === 'model.norm.weight' ? weight.fill(Number.NaN) : weight;
    },
  };
  const recipe = tinyRecipe(join(work, 'data'));
  const output = join(work, 'nan');
  await expect(train(recipe, broken, { output, threads: 1 })).rejects.toThrow(
    /step 1 stopped the run: the loss is NaN/,
  );
});
