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

test('an adapter of another rank is refused before any step', async () => {
  const other = { ...recipe({ rate: 0.01, adapter: join(work, 'first') }), lora: { rank: 8, alpha: 8, dropout: 0 } };
  await expect(train(other, tinyBase(), { output: join(work, 'other'), threads: 1 })).rejects.toThrow(
    /"rank" is 4, the recipe has 8/,
  );
});

test('a run that was stopped does not go on from another adapter than it began with', async () => {
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
});

test("a recipe's adapter is a folder beside it, or else a name", async () => {
  const path = join(work, 'recipe.json');
  const written = recipe({ rate: 0.01, adapter: 'first' });
  await writeFile(path, recipeText(written, work));
  expect((await readRecipe(path)).base.adapter).toBe(join(work, 'first'));
  await copyFile(path, join(work, 'data', 'recipe.json'));
  expect((await readRecipe(join(work, 'data', 'recipe.json'))).base.adapter).toBe('first');
  expect(JSON.parse(recipeText(await readRecipe(path), work)).base.adapter).toBe('first');
});
