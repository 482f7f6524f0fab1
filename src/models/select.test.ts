import { expect, test } from 'vitest';
import { selectFiles } from './select.js';

const BASE = ['config.json', 'tokenizer.json', 'README.md'];
const INDEX = 'model.safetensors.index.json';
const SHARDS = ['model-00001-of-00002.safetensors', 'model-00002-of-00002.safetensors'];

const select = (names: readonly string[], index: unknown = {}) =>
  selectFiles(names, async () => (typeof index === 'string' ? index : JSON.stringify(index)), 'here');

test('one weight file', async () => {
  expect(await select([...BASE, 'model.safetensors'])).toEqual({
    format: 'safetensors',
    config: 'config.json',
    tokenizer: 'tokenizer.json',
    weights: ['model.safetensors'],
  });
});

test('shards by the index, each once and in order', async () => {
  const index = { metadata: {}, weight_map: { z: SHARDS[1], a: SHARDS[0], b: SHARDS[0] } };
  const names = [...BASE, 'tokenizer_config.json', INDEX, ...SHARDS, 'other.safetensors'];
  expect(await select(names, index)).toMatchObject({ weights: SHARDS, tokenizerConfig: 'tokenizer_config.json' });
});

test('a single file wins over shards, safetensors over a GGUF', async () => {
  expect(await select([...BASE, 'model.safetensors', INDEX, ...SHARDS, 'a.gguf'])).toMatchObject({
    format: 'safetensors',
    weights: ['model.safetensors'],
  });
});

test('one GGUF, also in a folder', async () => {
  expect(await select(['README.md', 'q4/a.gguf'])).toEqual({ format: 'gguf', path: 'q4/a.gguf' });
});

test.each<[string, readonly string[], unknown, RegExp]>([
  ['several GGUF files', ['a.gguf', 'b.gguf'], {}, /here: expected one .gguf file, got 2: a.gguf, b.gguf.*:file.gguf/],
  ['nothing', ['README.md'], {}, /got neither.*README.md/],
  ['an empty folder', [], {}, /There are no files at all/],
  ['no tokenizer', ['config.json', 'model.safetensors'], {}, /expected tokenizer.json/],
  ['no configuration', ['tokenizer.json', 'model.safetensors'], {}, /expected config.json/],
  ['several weights without index', [...BASE, ...SHARDS], {}, /expected model.safetensors.index.json/],
  ['a missing shard', [...BASE, INDEX, SHARDS[0]!], { weight_map: { a: SHARDS[0], b: SHARDS[1] } }, /00002-of-00002/],
  ['a broken index', [...BASE, INDEX, ...SHARDS], '{"weight_map"', /index.json: expected JSON/],
  ['an index without map', [...BASE, INDEX, ...SHARDS], { weights: {} }, /expected JSON with "weight_map"/],
  ['an empty index', [...BASE, INDEX, ...SHARDS], { weight_map: {} }, /names no file/],
  ['an index that leaves the folder', [...BASE, INDEX, ...SHARDS], { weight_map: { a: '../x' } }, /inside the model/],
])('%s is refused', async (_, names, index, message) => {
  await expect(select(names, index)).rejects.toThrow(message);
});
