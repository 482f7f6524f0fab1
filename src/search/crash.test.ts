import { type ChildProcess, spawn } from 'node:child_process';
import { cp, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { compiledSource } from '../../test/support/compile.js';
import { HashingEncoder } from '../testing/hashing-encoder.js';
import { type DocumentRecord, indexCorpus, openStore, readManifest, reindex } from './index.js';

/** Vectors depend on their neighbours, as those of int8 models: another composition of the batches would show. */
const OLD = { neighbours: true, delayMs: 4 };
const NEW = { ...OLD, seed: 1 };
const CHUNK_SIZE = 8;
/** The shortest time that locks allow; a lock left by a killed child is stale after it. */
const LOCK_STALE_MS = 2000;

const corpus: DocumentRecord[] = Array.from({ length: 60 }, (_, index) => ({
  id: `d${index}`,
  title: `Title ${index}`,
  text: `text number ${index}`,
}));

/** What the child processes run: `index` or `reindex`, with the compiled source. */
const script = (source: string) => `
import { writeSync } from 'node:fs';
const { indexCorpus, openStore, reindex } = await import('${pathToFileURL(join(source, 'search', 'index.js'))}');
const { HashingEncoder } = await import('${pathToFileURL(join(source, 'testing', 'hashing-encoder.js'))}');
await import('@lancedb/lancedb');
const [command, folder] = process.argv.slice(2);
const corpus = ${JSON.stringify(corpus)};
writeSync(1, 'started');
if (command === 'reindex') {
  await reindex(folder, new HashingEncoder(${JSON.stringify(NEW)}), { chunkSize: ${CHUNK_SIZE}, lockStaleMs: ${LOCK_STALE_MS} });
} else {
  const encoder = new HashingEncoder(${JSON.stringify(OLD)});
  const store = await openStore(folder, { encoder, access: 'write', lockStaleMs: ${LOCK_STALE_MS} });
  await indexCorpus(store, corpus, encoder, { chunkSize: ${CHUNK_SIZE} });
  await store.close();
}
`;

let work: string;
let scriptPath: string;
/** A complete index, and its contents with the old and with the new encoder. */
let complete: string;
let oldContents: string[];
let newContents: string[];

beforeAll(async () => {
  const source = await compiledSource();
  work = await mkdtemp(join(tmpdir(), 'o1-crash-'));
  // Beside the compiled source, from where the libraries can be found.
  scriptPath = join(source, '..', `search-crash-${process.pid}.mjs`);
  await writeFile(scriptPath, script(source));
  complete = join(work, 'complete');
  await finishIndex(complete);
  oldContents = await contents(complete, OLD);
  const rebuilt = await copyOfComplete('rebuilt');
  await finishReindex(rebuilt);
  newContents = await contents(rebuilt, NEW);
  expect(oldContents).toHaveLength(corpus.length);
  expect(newContents).toHaveLength(corpus.length);
});

afterAll(async () => {
  await rm(work, { recursive: true, force: true });
  await rm(scriptPath, { force: true });
});

async function copyOfComplete(name: string): Promise<string> {
  const folder = join(work, name);
  await cp(complete, folder, { recursive: true });
  return folder;
}

function start(command: 'index' | 'reindex', folder: string, crashAt = ''): ChildProcess {
  const environment = { ...process.env, O1_CRASH_AT: crashAt };
  return spawn(process.execPath, [scriptPath, command, folder], {
    env: environment,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
}

/** The signal that ended a process, or its exit code. */
const end = (child: ChildProcess) =>
  new Promise<string | number | null>((resolve) => child.once('exit', (code, signal) => resolve(signal ?? code)));

const started = (child: ChildProcess) => new Promise<void>((resolve) => child.stdout!.once('data', () => resolve()));

async function finishIndex(folder: string): Promise<void> {
  const encoder = new HashingEncoder(OLD);
  const store = await openStore(folder, { encoder, access: 'write', lockStaleMs: LOCK_STALE_MS });
  await indexCorpus(store, corpus, encoder, { chunkSize: CHUNK_SIZE });
  await store.close();
}

async function finishReindex(folder: string): Promise<void> {
  await reindex(folder, new HashingEncoder(NEW), { chunkSize: CHUNK_SIZE, lockStaleMs: LOCK_STALE_MS });
}

/** Every document as one line: id, text hash, bytes of the vector; sorted. */
async function contents(folder: string, settings: typeof OLD): Promise<string[]> {
  const store = await openStore(folder, { encoder: new HashingEncoder(settings) });
  const lines: string[] = [];
  for await (const { id, textHash, vector } of store.iterate()) {
    lines.push(`${id} ${textHash} ${Buffer.from(vector.buffer, vector.byteOffset, vector.byteLength).toString('hex')}`);
  }
  await store.close();
  return lines.sort();
}

/** After a kill the index answers with the encoder its manifest names, from all documents. */
async function expectSearchable(folder: string): Promise<void> {
  const { encoder: fingerprint } = await readManifest(folder);
  const isOld = fingerprint === new HashingEncoder(OLD).fingerprint;
  expect(await contents(folder, isOld ? OLD : NEW)).toEqual(isOld ? oldContents : newContents);
}

async function expectOnlyFiles(folder: string, generation: number): Promise<void> {
  expect((await readdir(folder)).sort()).toEqual([`generation-${generation}`, 'manifest.json']);
}

test.concurrent.each([
  'index-before-commit',
  'index-before-commit:4',
  'index-after-commit',
  'index-after-commit:8',
  'index-before-manifest',
  'before-rename',
  'before-rename:2',
])('kill -9 at %s: the next run ends with the same index', async (crashAt) => {
  const folder = join(work, crashAt.replaceAll(':', '-'));
  expect(await end(start('index', folder, crashAt))).toBe('SIGKILL');
  await finishIndex(folder);
  expect(await contents(folder, OLD)).toEqual(oldContents);
  await expectOnlyFiles(folder, 1);
});

test.concurrent.each([
  'index-before-commit:3',
  'index-before-manifest',
  'before-rename',
  'reindex-before-swap',
  'reindex-mid-swap',
])('kill -9 during reindex at %s: an index answers at once, the next run ends with the new one', async (crashAt) => {
  const folder = await copyOfComplete(`reindex-${crashAt.replaceAll(':', '-')}`);
  expect(await end(start('reindex', folder, crashAt))).toBe('SIGKILL');
  await expectSearchable(folder);
  await finishReindex(folder);
  expect(await contents(folder, NEW)).toEqual(newContents);
  await expectOnlyFiles(folder, 2);
});

/** Ten moments in a run, 0 to 1, from a fixed seed (mulberry32). */
function randomMoments(seed: number): number[] {
  let state = seed;
  return Array.from({ length: 10 }, () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  });
}

async function durationMs(command: 'index' | 'reindex', folder: string): Promise<number> {
  const child = start(command, folder);
  await started(child);
  const begin = performance.now();
  expect(await end(child)).toBe(0);
  return performance.now() - begin;
}

/** Kills a run at each of the moments, one after the other, and returns the folders. */
async function killAtMoments(command: 'index' | 'reindex', prepare: (name: string) => Promise<string>) {
  const duration = await durationMs(command, await prepare(`${command}-whole`));
  const folders: string[] = [];
  let killed = 0;
  for (const [number, moment] of randomMoments(20_261_125).entries()) {
    const folder = await prepare(`${command}-moment-${number}`);
    const child = start(command, folder);
    await started(child);
    const timer = setTimeout(() => child.kill('SIGKILL'), moment * duration);
    if ((await end(child)) === 'SIGKILL') killed++;
    clearTimeout(timer);
    folders.push(folder);
  }
  // Not all ten: the machine may be faster now than when the duration was taken.
  expect(killed).toBeGreaterThanOrEqual(3);
  return folders;
}

test('kill -9 at ten random moments of indexing: the next run ends with the same index', async () => {
  const folders = await killAtMoments('index', async (name) => join(work, name));
  await Promise.all(folders.map(finishIndex));
  for (const folder of folders) {
    expect(await contents(folder, OLD)).toEqual(oldContents);
    await expectOnlyFiles(folder, 1);
  }
});

test('kill -9 at ten random moments of reindexing: an index answers at once, the next run ends with the new one', async () => {
  const folders = await killAtMoments('reindex', copyOfComplete);
  for (const folder of folders) await expectSearchable(folder);
  await Promise.all(folders.map(finishReindex));
  for (const folder of folders) {
    expect(await contents(folder, NEW)).toEqual(newContents);
    await expectOnlyFiles(folder, 2);
  }
});

test('two writers at once: one waits for the other or is turned away, and the index is whole', async () => {
  const folder = join(work, 'two-writers');
  const children = [start('index', folder), start('index', folder)];
  const ends = await Promise.all(children.map(end));
  expect(ends).toContain(0);
  expect(await contents(folder, OLD)).toEqual(oldContents);
});
