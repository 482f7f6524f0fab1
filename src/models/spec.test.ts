import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { namedModels } from './registry.js';
import { parseSpec, safePath } from './spec.js';

let folder: string;
const before = process.cwd();

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'o1-spec-'));
  await mkdir(join(folder, 'owner', 'name'), { recursive: true });
  await mkdir(join(folder, 'smollm2-135m-instruct'));
  await writeFile(join(folder, 'a.gguf'), '');
  await writeFile(join(folder, 'a.bin'), '');
  process.chdir(folder);
});

afterAll(async () => {
  process.chdir(before);
  await rm(folder, { recursive: true });
});

const hub = (repository: string, revision = 'main', file?: string) => ({ kind: 'hub', repository, revision, file });

test.each([
  ['Qwen/Qwen3-0.6B', hub('Qwen/Qwen3-0.6B')],
  ['Qwen/Qwen3-0.6B@v1.0', hub('Qwen/Qwen3-0.6B', 'v1.0')],
  ['o/m@refs/pr/1:w.Q4_1.gguf', hub('o/m', 'refs/pr/1', 'w.Q4_1.gguf')],
  ['o/m:sub/w.gguf', hub('o/m', 'main', 'sub/w.gguf')],
  ['owner/name@main', hub('owner/name')],
])('%s is a repository', async (spec, meant) => {
  expect(await parseSpec(spec)).toEqual(meant);
});

test('a known name, before a folder of that name', async () => {
  expect(await parseSpec('smollm2-135m-instruct')).toEqual({ kind: 'named', model: namedModels[0] });
  expect(await parseSpec('./smollm2-135m-instruct')).toMatchObject({ kind: 'folder' });
});

test('an existing path, before a repository of that name', async () => {
  expect(await parseSpec('owner/name')).toMatchObject({ kind: 'folder' });
  expect(await parseSpec('a.gguf')).toMatchObject({ kind: 'file' });
});

test.each([
  ['smollm', /no model is called "smollm".*smollm2-135m-instruct.*owner\/name\[@revision\]/s],
  ['', /no model is called ""/],
  ['./nothing', /no such file or folder/],
  ['/nothing/here', /no such file or folder/],
  ['a.bin', /expected a .gguf file or a folder/],
  ['a/b/c', /no model is called/],
  ['../x/y', /no such file/],
  ['o/m@../../x', /expected owner\/name/],
  ['o/..', /no model is called/],
  ['o/m..', /expected owner\/name/],
  ['o/m:../../w.gguf', /expected the name of a .gguf file/],
  ['o/m:/etc/w.gguf', /expected the name of a .gguf file/],
  ['o/m:w.bin', /expected the name of a .gguf file/],
])('%j is refused', async (spec, message) => {
  await expect(parseSpec(spec)).rejects.toThrow(message);
});

test.each(['../x', 'a/../../x', '/x', 'C:x', 'a\\b', '', 'a//b', './a', 'a\0b', 'a?b', 'a%2e'])(
  'the file name %j is refused',
  (name) => {
    expect(() => safePath(name, 'o/m')).toThrow(/o\/m: expected a file name inside/);
  },
);

test('ordinary names pass', () => {
  for (const name of ['model-00001-of-00002.safetensors', 'sub/w (1).gguf', '..a'])
    expect(safePath(name, '')).toBe(name);
});
