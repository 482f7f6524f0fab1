import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { compiledSource } from '../../test/support/compile.js';
import { tinyRecipe, writeTinyData } from '../../test/support/tiny-training.js';

/** What the child processes run: a tiny run, from wherever it stands in the folder. */
const script = (source: string, recipe: unknown) => `
import { writeSync } from 'node:fs';
const { train } = await import('${pathToFileURL(join(source, 'train', 'index.js'))}');
const { ByteTokenizer, randomWeights, TINY_CONFIG } = await import('${pathToFileURL(join(source, 'testing', 'index.js'))}');
const base = { ...randomWeights(TINY_CONFIG, 1), tokenizer: new ByteTokenizer(), sha256: '0'.repeat(64) };
writeSync(1, 'started');
await train(${JSON.stringify(recipe)}, base, { output: process.argv[2], resume: true, threads: 1 });
`;

let work: string;
let scriptPath: string;
let expected: Awaited<ReturnType<typeof result>>;

beforeAll(async () => {
  const source = await compiledSource();
  work = await mkdtemp(join(tmpdir(), 'o1-train-crash-'));
  await writeTinyData(join(work, 'data'));
  // Beside the compiled source, from where the libraries can be found.
  scriptPath = join(source, '..', `train-crash-${process.pid}.mjs`);
  await writeFile(scriptPath, script(source, tinyRecipe(join(work, 'data'))));
  await start(join(work, 'whole'));
  expected = await result('whole');
});

afterAll(async () => {
  await rm(work, { recursive: true, force: true });
  await rm(scriptPath, { force: true });
});

/** Everything that follows from the seed: weights, settings with the self-test, and the losses of all steps. */
async function result(name: string) {
  const read = (file: string) => readFile(join(work, name, file));
  const metrics = (await read('metrics.jsonl')).toString().trim().split('\n');
  return {
    weights: await read('adapter_model.safetensors'),
    settings: (await read('o1.json')).toString(),
    metrics: metrics.map((line) => ({ ...JSON.parse(line), seconds: 0 })),
  };
}

/** Runs a child; with `killAfterMs` it is killed that long after it has started to work. Says whether it was killed. */
function start(folder: string, options: { crashAt?: string; killAfterMs?: number } = {}): Promise<boolean> {
  const { crashAt = '', killAfterMs } = options;
  const child = spawn(process.execPath, [scriptPath, folder], {
    env: { ...process.env, O1_CRASH_AT: crashAt },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let errors = '';
  child.stderr.on('data', (chunk) => {
    errors += chunk;
  });
  if (killAfterMs !== undefined) child.stdout.once('data', () => setTimeout(() => child.kill('SIGKILL'), killAfterMs));
  return new Promise((resolve, reject) => {
    child.on('close', (code, signal) => {
      if (signal === 'SIGKILL') resolve(true);
      else if (code === 0) resolve(false);
      else reject(new Error(`the child ended with ${code}: ${errors}`));
    });
  });
}

test.each([
  'train-step:1',
  'train-step:8',
  'train-checkpoint:3',
  'train-checkpoint-written:4',
  'train-thoughts:1',
  'train-thoughts:2',
  'train-saved:1',
])('killed at %s, a run ends with the same bits', async (crashAt) => {
  const name = crashAt.replace(':', '-');
  expect(await start(join(work, name), { crashAt })).toBe(true);
  expect(await start(join(work, name))).toBe(false);
  expect(await result(name)).toEqual(expected);
});

test('killed at ten random moments, runs end with the same bits', async () => {
  const kills: number[] = [];
  let run = 0;
  while (kills.length < 10) {
    const name = `random-${run}`;
    const killAfterMs = Math.random() * 400;
    const killed = await start(join(work, name), { killAfterMs });
    if (killed) kills.push(killAfterMs);
    const finished = existsSync(join(work, name, 'o1.json')) && !existsSync(join(work, name, 'state'));
    if (killed && !finished) continue;
    expect(await result(name), `killed after ${kills} ms`).toEqual(expected);
    run++;
  }
  const name = `random-${run}`;
  if (existsSync(join(work, name))) {
    await start(join(work, name));
    expect(await result(name), `killed after ${kills} ms`).toEqual(expected);
  }
});
