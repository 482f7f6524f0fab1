import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { COMMIT, type FakeHub, randomBytes, sha256, startFakeHub } from '../../test/support/fake-hub.js';
import { CorruptFileError, InvalidInputError, NotFoundError } from '../errors.js';
import { combinedSha256 } from './hash.js';
import { type ModelFiles, resolveModel } from './index.js';

const SHARDS = ['model-00001-of-00002.safetensors', 'model-00002-of-00002.safetensors'];
const WEIGHTS = [randomBytes(50_000, 5), randomBytes(60_000, 6)];
const INDEX = Buffer.from(JSON.stringify({ weight_map: { b: SHARDS[1], a: SHARDS[0] } }));

const SHARDED = new Map<string, Buffer>([
  ['README.md', Buffer.from('# A model')],
  ['config.json', Buffer.from('{"model_type":"llama"}')],
  ['tokenizer.json', Buffer.from('{}')],
  ['tokenizer_config.json', Buffer.from('{"a":1}')],
  ['model.safetensors.index.json', INDEX],
  [SHARDS[0]!, WEIGHTS[0]!],
  [SHARDS[1]!, WEIGHTS[1]!],
]);

let hub: FakeHub;
let folder: string;
let cacheDir: string;

beforeEach(async () => {
  hub = await startFakeHub();
  hub.repositories.set('o/sharded', new Map(SHARDED));
  hub.repositories.set(
    'o/quants',
    new Map([
      ['a.Q4_1.gguf', WEIGHTS[0]!],
      ['sub/a.Q8_0.gguf', WEIGHTS[1]!],
    ]),
  );
  folder = await mkdtemp(join(tmpdir(), 'o1-resolve-'));
  cacheDir = join(folder, 'cache');
  vi.stubEnv('HF_ENDPOINT', hub.endpoint);
});

afterEach(async () => {
  vi.unstubAllEnvs();
  await hub.close();
  await rm(folder, { recursive: true });
});

const filesRequested = () => hub.downloads().map(({ url }) => url.split(`/resolve/${COMMIT}/`)[1]);

async function writeLocal(name: string, files: ReadonlyMap<string, Buffer>): Promise<string> {
  const home = join(folder, name);
  await mkdir(home, { recursive: true });
  for (const [file, content] of files) await writeFile(join(home, file), content);
  return home;
}

test('a sharded safetensors repository: what the model needs and no more', async () => {
  const files = await resolveModel('o/sharded', { cacheDir });
  const home = join(cacheDir, 'hub', 'o--sharded', COMMIT);
  expect(files).toEqual({
    format: 'safetensors',
    name: 'o/sharded',
    config: join(home, 'config.json'),
    tokenizer: join(home, 'tokenizer.json'),
    tokenizerConfig: join(home, 'tokenizer_config.json'),
    weights: SHARDS.map((shard) => join(home, shard)),
    sha256: combinedSha256(WEIGHTS.map(sha256)),
  } satisfies ModelFiles);
  for (const [i, shard] of SHARDS.entries()) expect((await readFile(join(home, shard))).equals(WEIGHTS[i]!)).toBe(true);
  expect(filesRequested().sort()).toEqual([...SHARDED.keys()].filter((name) => name !== 'README.md').sort());
});

test('a second call asks nothing, also offline; another cache folder has nothing', async () => {
  const first = await resolveModel('o/sharded', { cacheDir });
  const asked = hub.requests.length;
  expect(await resolveModel('o/sharded', { cacheDir })).toEqual(first);
  vi.stubEnv('HF_HUB_OFFLINE', '1');
  expect(await resolveModel('o/sharded', { cacheDir })).toEqual(first);
  await expect(resolveModel('o/sharded', { cacheDir: join(folder, 'other') })).rejects.toThrow(NotFoundError);
  await expect(resolveModel('o/sharded@v2', { cacheDir })).rejects.toThrow(/not in the cache, and offline/);
  expect(hub.requests).toHaveLength(asked);
  await resolveModel('o/sharded@v2', { cacheDir, offline: false });
  expect(hub.requests.length).toBeGreaterThan(asked);
});

test('a damaged shard alone is fetched again', async () => {
  await resolveModel('o/sharded', { cacheDir });
  hub.requests.length = 0;
  await writeFile(join(cacheDir, 'hub', 'o--sharded', COMMIT, SHARDS[1]!), Buffer.alloc(60_000));
  await expect(resolveModel('o/sharded', { cacheDir, offline: true })).rejects.toThrow(CorruptFileError);
  await resolveModel('o/sharded', { cacheDir });
  expect(hub.requests.map(({ url }) => url)).toEqual([`/o/sharded/resolve/${COMMIT}/${SHARDS[1]}`]);
});

test('a file of a repository, also in a folder', async () => {
  const files = await resolveModel('o/quants:sub/a.Q8_0.gguf', { cacheDir });
  expect(files).toMatchObject({ format: 'gguf', name: 'o/quants:sub/a.Q8_0.gguf', sha256: sha256(WEIGHTS[1]!) });
  expect(filesRequested()).toEqual(['sub/a.Q8_0.gguf']);
});

test('several quantisations are listed', async () => {
  await expect(resolveModel('o/quants', { cacheDir })).rejects.toThrow(/a\.Q4_1\.gguf, sub\/a\.Q8_0\.gguf/);
  await expect(resolveModel('o/quants:b.gguf', { cacheDir })).rejects.toThrow(/no file "b.gguf".*a\.Q4_1\.gguf/);
});

test('content other than the Hub states is not kept: by SHA-256 for weights, by object id for small files', async () => {
  hub.always = { content: Buffer.alloc(WEIGHTS[0]!.length) };
  const gguf = resolveModel('o/quants:a.Q4_1.gguf', { cacheDir });
  await expect(gguf).rejects.toThrow(/expected SHA-256 .*The file was removed/);
  await expect(gguf).rejects.toThrow(CorruptFileError);
  hub.always = { content: Buffer.alloc(INDEX.length) };
  await expect(resolveModel('o/sharded', { cacheDir })).rejects.toThrow(/index\.json: expected git object/);
});

test('an unknown repository says that neither it nor a folder exists', async () => {
  await expect(resolveModel('o/none', { cacheDir })).rejects.toThrow(/o\/none@main: .*404.*no local folder "o\/none"/);
});

test('a Hub that cannot be reached is a NotFoundError with the reason', async () => {
  vi.stubEnv('HF_ENDPOINT', 'http://127.0.0.1:1');
  await expect(resolveModel('o/none', { cacheDir })).rejects.toThrow(NotFoundError);
  await expect(resolveModel('o/none', { cacheDir })).rejects.toThrow(/127\.0\.0\.1/);
});

test.each([
  ['an index', { 'model.safetensors.index.json': JSON.stringify({ weight_map: { a: '../../x.safetensors' } }) }],
  ['the list of files', { '../x.gguf': 'x' }],
])('%s that leads out of the folder is refused', async (_, extra) => {
  const base = 'model.safetensors.index.json' in extra ? new Map(SHARDED) : new Map<string, Buffer>();
  for (const [name, content] of Object.entries(extra)) base.set(name, Buffer.from(content as string));
  hub.repositories.set('o/evil', base);
  await expect(resolveModel('o/evil', { cacheDir })).rejects.toThrow(/expected a file name inside the model's folder/);
});

test('HF_TOKEN goes with every request to the Hub', async () => {
  vi.stubEnv('HF_TOKEN', 'not-in-the-usual-form');
  await resolveModel('o/quants:a.Q4_1.gguf', { cacheDir });
  expect(new Set(hub.requests.map(({ authorization }) => authorization))).toEqual(
    new Set(['Bearer not-in-the-usual-form']),
  );
});

test('a local folder: sharded, single, GGUF', async () => {
  const sharded = await resolveModel(await writeLocal('sharded', SHARDED), { cacheDir });
  expect(sharded).toMatchObject({
    format: 'safetensors',
    name: 'sharded',
    weights: SHARDS.map((shard) => join(folder, 'sharded', shard)),
    sha256: combinedSha256(WEIGHTS.map(sha256)),
  });
  const gguf = await writeLocal('one', new Map([['w.gguf', WEIGHTS[0]!]]));
  const expected = { format: 'gguf', path: join(gguf, 'w.gguf'), sha256: sha256(WEIGHTS[0]!) };
  expect(await resolveModel(gguf, { cacheDir })).toEqual({ ...expected, name: 'one' });
  expect(await resolveModel(join(gguf, 'w.gguf'), { cacheDir })).toEqual({ ...expected, name: 'w.gguf' });
  await writeFile(join(gguf, 'x.gguf'), '');
  await expect(resolveModel(gguf, { cacheDir })).rejects.toThrow(InvalidInputError);
  expect(hub.requests).toEqual([]);
});

test('an aborted signal stops before anything is asked', async () => {
  await expect(resolveModel('o/quants', { cacheDir, signal: AbortSignal.abort(new Error('no')) })).rejects.toThrow(
    'no',
  );
  expect(hub.requests).toEqual([]);
});

test('an abort in the middle leaves a part, and the next call goes on from it', async () => {
  hub.always = { bytesPerSecond: 100_000 };
  const controller = new AbortController();
  const call = resolveModel('o/quants:sub/a.Q8_0.gguf', {
    cacheDir,
    signal: controller.signal,
    onProgress: ({ receivedBytes }) => receivedBytes > 0 && controller.abort(new Error('enough')),
  });
  await expect(call).rejects.toThrow('enough');
  hub.always = undefined;
  await resolveModel('o/quants:sub/a.Q8_0.gguf', { cacheDir });
  expect(hub.downloads().at(-1)?.range).toMatch(/^bytes=[1-9]/);
});

test('a full disk, or a cache folder that is none, is named with the way out', async () => {
  const home = join(cacheDir, 'hub', 'o--quants', COMMIT);
  await mkdir(home, { recursive: true });
  await symlink('/dev/full', join(home, 'a.Q4_1.gguf.part'));
  await expect(resolveModel('o/quants:a.Q4_1.gguf', { cacheDir })).rejects.toThrow(/cache: .*ENOSPC.*set O1_CACHE/);
  await writeFile(join(folder, 'file'), '');
  const noFolder = resolveModel('o/quants:a.Q4_1.gguf', { cacheDir: join(folder, 'file', 'x') });
  await expect(noFolder).rejects.toThrow(/file\/x: the cache folder cannot be used: ENOTDIR/);
});
