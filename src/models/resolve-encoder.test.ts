import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { COMMIT, type FakeHub, randomBytes, sha256, startFakeHub } from '../../test/support/fake-hub.js';
import { combinedSha256 } from './hash.js';
import { HttpClient } from './http.js';
import { namedEncoders, resolveEncoder } from './index.js';
import { resolveNamedFile } from './named.js';

const MODEL = randomBytes(50_000, 7);
const SMALL = randomBytes(20_000, 8);
const DATA = randomBytes(30_000, 9);
const FILES: Record<string, Buffer> = {
  'config.json': Buffer.from('{"model_type":"bert"}'),
  'tokenizer.json': Buffer.from('{}'),
  'tokenizer_config.json': Buffer.from('{"a":1}'),
  'onnx/model.onnx': MODEL,
  'onnx/model.onnx_data': DATA,
  'onnx/model_quantized.onnx': SMALL,
  'pytorch_model.bin': SMALL,
};

let hub: FakeHub;
let folder: string;
let cacheDir: string;

beforeEach(async () => {
  hub = await startFakeHub();
  hub.repositories.set('o/encoder', new Map(Object.entries(FILES)));
  hub.repositories.set('o/torch', new Map(Object.entries(FILES).filter(([name]) => !name.includes('onnx'))));
  folder = await mkdtemp(join(tmpdir(), 'o1-encoder-'));
  cacheDir = join(folder, 'cache');
  vi.stubEnv('HF_ENDPOINT', hub.endpoint);
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await hub.close();
  await rm(folder, { recursive: true });
});

const fetched = () => hub.downloads().map(({ url }) => url.split(`/resolve/${COMMIT}/`)[1]);

test('the encoder of a repository: what transformers.js needs and no more, then from the cache', async () => {
  const files = await resolveEncoder('o/encoder', { cacheDir });
  expect(files).toEqual({
    name: 'o/encoder',
    folder: join(cacheDir, 'hub', 'o--encoder', COMMIT),
    model: 'onnx/model.onnx',
    sha256: combinedSha256([sha256(MODEL), sha256(DATA)]),
  });
  expect(fetched().sort()).toEqual(Object.keys(FILES).slice(0, 5).sort());
  expect((await readFile(join(files.folder, files.model))).equals(MODEL)).toBe(true);
  const asked = hub.requests.length;
  expect(await resolveEncoder('o/encoder', { cacheDir, offline: true })).toEqual(files);
  expect(hub.requests).toHaveLength(asked);
});

test('a file of the repository may be named', async () => {
  const files = await resolveEncoder('o/encoder@main:onnx/model_quantized.onnx', { cacheDir });
  expect(files).toMatchObject({ model: 'onnx/model_quantized.onnx', sha256: sha256(SMALL) });
  await expect(resolveEncoder('o/encoder:onnx/other.onnx', { cacheDir })).rejects.toThrow(
    /no file "onnx\/other.onnx".*Its .onnx files: onnx\/model.onnx/,
  );
  await expect(resolveEncoder('o/encoder:a.bin', { cacheDir })).rejects.toThrow(/name of a .onnx file/);
  await expect(resolveEncoder('o/torch', { cacheDir })).rejects.toThrow(/there is none.*transformers\.js/);
});

test('a folder in the same layout, and a file in it', async () => {
  for (const [name, content] of Object.entries(FILES)) {
    const path = join(folder, 'local', name);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, content);
  }
  const local = join(folder, 'local');
  expect(await resolveEncoder(local, { cacheDir })).toMatchObject({
    name: 'local',
    folder: local,
    model: 'onnx/model.onnx',
  });
  expect(await resolveEncoder(join(local, 'onnx', 'model_quantized.onnx'), { cacheDir })).toEqual({
    name: 'local',
    folder: local,
    model: 'onnx/model_quantized.onnx',
    sha256: sha256(SMALL),
  });
  await rm(join(local, 'tokenizer_config.json'));
  await expect(resolveEncoder(local, { cacheDir })).rejects.toThrow(/expected tokenizer_config.json/);
  await expect(resolveEncoder('bge', { cacheDir })).rejects.toThrow(/no encoder is called "bge".*all-minilm-l6-v2/);
  expect(hub.requests).toEqual([]);
});

test('named encoders: every file has a hash and a source, the folder is what transformers.js expects', () => {
  expect(namedEncoders.map(({ name }) => name)).toEqual(['all-minilm-l6-v2', 'paraphrase-minilm-l3-v2']);
  for (const { name, files, model, licence } of namedEncoders) {
    expect(licence).toBe('Apache-2.0');
    expect(files).toContain(model);
    expect(files.map(({ file }) => file).sort()).toEqual([
      'config.json',
      'onnx/model.onnx',
      'tokenizer.json',
      'tokenizer_config.json',
    ]);
    for (const file of files) {
      expect(file).toMatchObject({ name, sha256: expect.stringMatching(/^[0-9a-f]{64}$/) });
      expect(file.sources.length).toBeGreaterThan(0);
    }
  }
});

test('a file comes from this program, or from another model in the cache, before anything is fetched', async () => {
  const client = new HttpClient();
  const context = { cacheDir, offline: false, client };
  const content = '{"model_type":"bert"}';
  const known = { bytes: content.length, sha256: sha256(Buffer.from(content)) };
  const first = await resolveNamedFile(
    { name: 'a', file: 'onnx/config.json', ...known, sources: [{ kind: 'text', content }] },
    context,
  );
  expect(await readFile(first, 'utf8')).toBe(content);
  const from = { kind: 'cache', model: 'a', file: 'onnx/config.json' } as const;
  const second = await resolveNamedFile({ name: 'b', file: 'config.json', ...known, sources: [from] }, context);
  expect(await readFile(second, 'utf8')).toBe(content);
  const missing = { ...from, model: 'c' };
  await expect(
    resolveNamedFile({ name: 'd', file: 'config.json', ...known, sources: [missing] }, context),
  ).rejects.toThrow(/1\. the cache, onnx\/config.json of c/);
  await client.close();
  expect(hub.requests).toEqual([]);
});
