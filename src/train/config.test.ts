import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readRecipe } from './config.js';

let work: string;
beforeAll(async () => {
  work = await mkdtemp(join(tmpdir(), 'o1-recipe-'));
});
afterAll(() => rm(work, { recursive: true, force: true }));

const MINIMAL = {
  description: 'minimal',
  base: { model: 'm', tokens: { query: 1, document: 2, thought: 3, embedding: 4, end: 5 } },
  data: [{ name: 'set', folder: 'set', thoughts: '../thoughts.jsonl' }],
  stages: [{ name: 'joint' }],
};

async function write(recipe: unknown): Promise<string> {
  const path = join(work, 'recipe.json');
  await writeFile(path, JSON.stringify(recipe));
  return path;
}

test("what a recipe does not say is the paper's, and its paths are its own", async () => {
  const recipe = await readRecipe(await write(MINIMAL));
  expect(recipe).toMatchObject({
    data: [{ folder: join(work, 'set'), split: 'train', thoughts: join(work, '..', 'thoughts.jsonl'), titles: false }],
    lora: { rank: 32, alpha: 64 },
    loss: { contrastiveWeight: 0.8, temperature: 0.02 },
    lengths: { query: 32, thought: 224, document: 192 },
    stages: [{ epochs: 1, batch: 64, learningRate: 1e-4, warmUp: 0.1, queryOnlyShare: 0.1, hardNegatives: 15 }],
  });
});

test.each([
  ['an unknown key', { ...MINIMAL, temprature: 1 }, /recipe\.json.*temprature/],
  [
    'an unknown key of a stage',
    { ...MINIMAL, stages: [{ name: 'joint', epoch: 1 }] },
    /recipe\.json: stages\.0.*epoch/,
  ],
  ['a value of another type', { ...MINIMAL, seed: '1' }, /recipe\.json: seed/],
  ['no data', { ...MINIMAL, data: [] }, /recipe\.json: data/],
  [
    'a stage on a set that is not there',
    { ...MINIMAL, stages: [{ name: 'joint', sets: ['other'] }] },
    /recipe\.json: stages: .*names of sets/,
  ],
  [
    'a name given twice',
    { ...MINIMAL, data: [...MINIMAL.data, { name: 'set', folder: 'other' }] },
    /recipe\.json: data.*name of its own/,
  ],
  [
    'validation on a set that is not there',
    { ...MINIMAL, validation: { sets: ['set', 'other'] } },
    /recipe\.json: validation\.sets.*names of sets/,
  ],
  [
    'a way to think that the length policy does not allow',
    {
      ...MINIMAL,
      lengths: { thought: 40 },
      validation: { thinking: [{ thoughts: 1, temperature: 0, maxTokens: 41 }] },
    },
    /recipe\.json: validation\.thinking.*no "maxTokens" beyond lengths\.thought/,
  ],
  ['no stages', { ...MINIMAL, stages: [] }, /recipe\.json: stages/],
  [
    'own thoughts without thoughts',
    { ...MINIMAL, stages: [{ name: 'a', thoughts: 'none', ownThoughts: { share: 0.5 } }] },
    /recipe\.json: stages\.0\.ownThoughts/,
  ],
])('%s is an error with file and key', async (_, recipe, message) => {
  await expect(readRecipe(await write(recipe))).rejects.toThrow(message);
});

test('a recipe that is not there', async () => {
  await expect(readRecipe(join(work, 'none.json'))).rejects.toThrow(/none\.json: there is no such recipe/);
});

test.each([
  'shipped-1-corpus',
  'shipped-2-queries',
  'shipped-3-names',
  'shipped-4-thoughts',
  'query-writer/recipe',
  'node-api',
  'scifact',
  'paper-qwen2.5-7b',
])('recipes/%s.json is one', async (name) => {
  const recipe = await readRecipe(new URL(`../../recipes/${name}.json`, import.meta.url).pathname);
  expect(recipe.stages.length).toBeGreaterThan(0);
});
