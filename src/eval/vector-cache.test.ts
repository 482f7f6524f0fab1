import { mkdtemp, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { HashingEncoder } from '../testing/index.js';
import { vectorFromBase64, vectorToBase64 } from '../vector-base64.js';
import { embedCorpus } from './embed-corpus.js';
import { VectorCache } from './vector-cache.js';

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'o1-vectors-'));
});
afterEach(() => rm(root, { recursive: true, force: true }));

const documents = Array.from({ length: 300 }, (_, i) => ({ id: `d${i}`, text: `text ${i} ${'word '.repeat(i % 7)}` }));

async function embedWith(encoder: HashingEncoder, records = documents) {
  const cache = new VectorCache(root, encoder.fingerprint);
  return embedCorpus(records, cache, (texts) => encoder.embedDocuments(texts), 'a test');
}

test('the second time nothing is computed, and the vectors are the same', async () => {
  const first = await embedWith(new HashingEncoder());
  const again = new HashingEncoder();
  const second = await embedWith(again);
  expect(again.calls).toEqual([]);
  const query = again.embed('text 17 word');
  expect(second.matrix.scores(query)).toEqual(first.matrix.scores(query));
  // In the corpus's order, though blocks are made by length.
  const expected = documents.map(({ text }) => again.embed(text));
  expect([...first.matrix.scores(query)]).toEqual(expected.map((v) => Math.fround(dot(v, query))));
});

test('vectors of another fingerprint are never used', async () => {
  await embedWith(new HashingEncoder({ seed: 0 }));
  const other = new HashingEncoder({ seed: 1 });
  const { matrix } = await embedWith(other);
  expect(other.calls.flat()).toHaveLength(documents.length);
  const query = other.embed(documents[5]!.text);
  expect(matrix.search(query, 1)[0]!.score).toBeCloseTo(1, 6);
});

test('not even where the folder was renamed to look like those of the other', async () => {
  await new VectorCache(root, 'one').set('key', [1]);
  const [ofOne] = await readdir(root);
  await new VectorCache(root, 'two').set('other key', [2]);
  const ofTwo = (await readdir(root)).find((name) => name !== ofOne)!;
  await rm(join(root, ofTwo), { recursive: true });
  await rename(join(root, ofOne!), join(root, ofTwo));
  await expect(new VectorCache(root, 'two').get('key')).rejects.toThrow(/holds vectors of one, expected those of two/);
});

test('a changed text is embedded anew', async () => {
  await embedWith(new HashingEncoder());
  const encoder = new HashingEncoder();
  await embedWith(encoder, [...documents.slice(1), { id: 'd0', text: 'changed' }]);
  expect(encoder.calls.flat()).toContain('changed');
});

test('a damaged entry is an error with its place', async () => {
  const cache = new VectorCache(root, 'one');
  await cache.set('key', [1]);
  const file = (await readdir(root, { recursive: true })).find((name) => name.endsWith('.json'))!;
  await writeFile(join(root, file), '{"fingerprint": "one"');
  await expect(cache.get('key')).rejects.toThrow(/\.json: is not an entry of the vector cache.*Delete it/);
});

test('bytes of a vector come back bit by bit', () => {
  const vector = Float32Array.of(0.1, -0, 1e-30, 3);
  expect(vectorFromBase64(vectorToBase64(vector))).toEqual(vector);
  expect(vectorFromBase64(vectorToBase64(vector.subarray(1, 3)))).toEqual(vector.subarray(1, 3));
});

function dot(a: Float32Array, b: Float32Array): number {
  return a.reduce((sum, value, i) => sum + value * b[i]!, 0);
}
