import { copyFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { tinyBase, tinyRecipe, writeTinyData } from '../../test/support/tiny-training.js';
import { readRecipe, recipeText } from './config.js';
import { train } from './train.js';
import type { TrainEvent } from './train-event.js';

let work: string;
beforeAll(async () => {
  work = await mkdtemp(join(tmpdir(), 'o1-start-'));
  await writeTinyData(join(work, 'data'));
  await train(recipe({ rate: 0.01 }), tinyBase(), { output: join(work, 'first'), threads: 1 });
});
afterAll(() => rm(work, { recursive: true, force: true }));

function recipe({ rate, adapter }: { rate: number; adapter?: string }) {
  const { base, stages, validation: _, ...rest } = tinyRecipe(join(work, 'data'));
  const stage = { ...stages[0]!, learningRate: rate };
  return { ...rest, base: { ...base, ...(adapter === undefined ? {} : { adapter }) }, stages: [stage] };
}

const weights = (name: string) => readFile(join(work, name, 'adapter_model.safetensors'));

test('a run goes on from the weights of an adapter', async () => {
  // So low that fp16 does not show the steps.
  await train(recipe({ rate: 1e-9, adapter: join(work, 'first') }), tinyBase(), {
    output: join(work, 'same'),
    threads: 1,
  });
  expect((await weights('same')).equals(await weights('first'))).toBe(true);
  await train(recipe({ rate: 0.01, adapter: join(work, 'first') }), tinyBase(), {
    output: join(work, 'further'),
    threads: 1,
  });
  expect((await weights('further')).equals(await weights('first'))).toBe(false);
});

const TOKENS = { query: 257, document: 258, thought: 259, embedding: 260, end: 256 };

test.each([
  ['rank', { rank: 8, alpha: 8 }, TOKENS, /"rank" is 4, the recipe has 8/],
  ['alpha', { rank: 4, alpha: 4 }, TOKENS, /"alpha" is 8, the recipe has 4/],
  ['tokens', { rank: 4, alpha: 8 }, { ...TOKENS, query: 258, document: 257 }, /"tokens" is/],
])('an adapter of another %s is refused before any step', async (_, lora, tokens, message) => {
  const plain = recipe({ rate: 0.01, adapter: join(work, 'first') });
  const other = { ...plain, lora: { ...lora, dropout: 0 }, base: { ...plain.base, tokens } };
  const output = await mkdtemp(join(work, 'other-'));
  await expect(train(other, tinyBase(), { output, threads: 1 })).rejects.toThrow(message);
});

test('an adapter of another base model is refused', async () => {
  const base = { ...tinyBase(), sha256: '1'.repeat(64) };
  const options = { output: join(work, 'other-base'), threads: 1 };
  await expect(train(recipe({ rate: 0.01, adapter: join(work, 'first') }), base, options)).rejects.toThrow(/"base" is/);
});

test('a run that was stopped goes on from the adapter that it began with, and from no other', async () => {
  const output = join(work, 'stopped');
  const controller = new AbortController();
  const reason = new Error('stopped');
  const onEvent = ({ type }: TrainEvent) => {
    if (type === 'step') controller.abort(reason);
  };
  const options = { output, threads: 1 };
  await expect(
    train(recipe({ rate: 0.01, adapter: join(work, 'first') }), tinyBase(), {
      ...options,
      signal: controller.signal,
      onEvent,
    }),
  ).rejects.toBe(reason);
  await expect(
    train(recipe({ rate: 0.01, adapter: join(work, 'further') }), tinyBase(), { ...options, resume: true }),
  ).rejects.toThrow(/"adapter" is/);
  await train(recipe({ rate: 0.01, adapter: join(work, 'first') }), tinyBase(), { ...options, resume: true });
  expect((await weights('stopped')).equals(await weights('further'))).toBe(true);
});

test("a recipe's adapter is a folder beside it, or else a name", async () => {
  const path = join(work, 'recipe.json');
  const written = recipe({ rate: 0.01, adapter: 'first' });
  await writeFile(path, recipeText(written, work));
  expect((await readRecipe(path)).base.adapter).toBe(join(work, 'first'));
  await copyFile(path, join(work, 'data', 'recipe.json'));
  expect((await readRecipe(join(work, 'data', 'recipe.json'))).base.adapter).toBe('first');
  await writeFile(path, recipeText({ ...written, base: { ...written.base, adapter: '../not-there' } }, work));
  expect((await readRecipe(path)).base.adapter).toBe(join(work, '..', 'not-there'));
  await writeFile(path, recipeText(written, work));
  expect(JSON.parse(recipeText(await readRecipe(path), work)).base.adapter).toBe('first');
});
