import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { tinyBase, tinyRecipe, writeTinyData } from '../../test/support/tiny-training.js';
import { acquireRunLock } from '../run-lock.js';
import { TRAINING, train } from './train.js';

let work: string;
beforeEach(async () => {
  work = await mkdtemp(join(tmpdir(), 'o1-run-lock-'));
});
afterEach(() => rm(work, { recursive: true, force: true }));

test('one run at a time has the right to train in a folder', async () => {
  const output = join(work, 'out');
  const attempts = await Promise.allSettled([
    acquireRunLock(output, TRAINING),
    acquireRunLock(output, TRAINING),
    acquireRunLock(output, TRAINING),
  ]);
  const won = attempts.flatMap((attempt) => (attempt.status === 'fulfilled' ? [attempt.value] : []));
  expect(won).toHaveLength(1);
  await expect(acquireRunLock(`${output}/`, TRAINING)).rejects.toThrow(
    `another run is training here, in process ${process.pid}`,
  );
  await won[0]!();
  expect(await readdir(output)).toEqual([]);
  await (await acquireRunLock(output, TRAINING))();
});

test("another process's right ends with the process", async () => {
  const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'ignore' });
  await writeFile(join(work, 'train.pid'), `${child.pid}\n`);
  await expect(acquireRunLock(work, TRAINING)).rejects.toThrow(`in process ${child.pid}`);
  child.kill('SIGKILL');
  await once(child, 'exit');
  await (await acquireRunLock(work, TRAINING))();
});

test('a second training run into the folder of a first is refused, and leaves it alone', async () => {
  await writeTinyData(join(work, 'data'));
  const recipe = tinyRecipe(join(work, 'data'));
  const options = { output: join(work, 'out'), threads: 1 };
  let second: Promise<unknown> | undefined;
  const first = train(recipe, tinyBase(), {
    ...options,
    onEvent: ({ type }) => {
      if (type !== 'stage' || second) return;
      second = train(recipe, tinyBase(), { ...options, resume: true }).catch((error: unknown) => error);
    },
  });
  expect((await first).steps).toBe(9);
  expect(await second).toMatchObject({ message: expect.stringContaining('another run is training here') });
  // After a run that failed the folder is free too.
  await expect(train(recipe, tinyBase(), options)).rejects.toThrow('the output folder is not empty');
  await expect(train(recipe, tinyBase(), options)).rejects.toThrow('the output folder is not empty');
});
