import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { inOutputFolder } from './index.js';

let folder: string;
beforeEach(async () => {
  folder = join(await mkdtemp(join(tmpdir(), 'output-')), 'new');
});
afterEach(() => rm(join(folder, '..'), { recursive: true }));

test('one process at a time; a dead one is no hindrance, and its unfinished files go', async () => {
  const other = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'ignore' });
  await inOutputFolder(folder, async () => {});
  await writeFile(join(folder, 'synth.pid'), `${other.pid}\n`);
  await expect(inOutputFolder(folder, async () => {})).rejects.toThrow(
    `another run works here, in process ${other.pid}`,
  );
  other.kill('SIGKILL');
  await once(other, 'exit');
  await writeFile(join(folder, 'candidates.jsonl.123.tmp'), 'half');
  await writeFile(join(folder, 'candidates.jsonl'), 'whole');
  const result = await inOutputFolder(folder, async () => (await readdir(folder)).sort());
  expect(result).toEqual(['candidates.jsonl', 'synth.pid']);
  await expect(inOutputFolder(folder, () => Promise.reject(new Error('failed')))).rejects.toThrow('failed');
  expect(await readdir(folder)).toEqual(['candidates.jsonl']);
});
