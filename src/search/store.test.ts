import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { InvalidInputError, MismatchError, NotFoundError } from '../errors.js';
import { HashingEncoder } from '../testing/hashing-encoder.js';
import { openStore, readManifest, type StoredDocument, textHash, type VectorStore } from './index.js';

const encoder = new HashingEncoder({ dimensions: 32 });
let folder: string;
const opened: VectorStore[] = [];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'o1-store-'));
});

afterEach(async () => {
  for (const store of opened.splice(0)) await store.close();
  await rm(folder, { recursive: true });
});

async function open(access: 'read' | 'write', by = encoder): Promise<VectorStore> {
  const store = await openStore(folder, { encoder: by, access, lockStaleMs: 2000 });
  opened.push(store);
  return store;
}

const stored = (id: string, text: string, metadata?: StoredDocument['metadata']): StoredDocument => ({
  id,
  text,
  ...(metadata ? { metadata } : {}),
  textHash: textHash({ text }),
  vector: encoder.embed(text),
});

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = [];
  for await (const item of items) list.push(item);
  return list;
}

const FRUIT = [
  stored('a', 'apple pie', { lang: 'en', year: 1999, tags: ['sweet', 'baked'], fresh: true }),
  stored('b', 'apple juice', { lang: 'en', year: 2001, tags: ['drink'], fresh: false }),
  stored('c', 'pear juice', { lang: 'de', tags: [] }),
  stored('d', 'granite'),
];

test('finds by inner product, best first, with text and score', async () => {
  const store = await open('write');
  await store.append(FRUIT.slice(0, 2));
  await store.append(FRUIT.slice(2));
  const query = encoder.embed('apple pie');
  const hits = await store.search(query, { k: 3 });
  expect(hits.map(({ id }) => id)).toEqual(['a', 'b', 'c']);
  expect(hits[0]).toMatchObject({ text: 'apple pie', metadata: FRUIT[0]!.metadata });
  for (const hit of hits) {
    const vector = FRUIT.find(({ id }) => id === hit.id)!.vector;
    expect(hit.score).toBeCloseTo(
      vector.reduce((sum, value, index) => sum + value * query[index]!, 0),
      6,
    );
  }
  expect(await store.search(query, { k: 100 })).toHaveLength(4);
});

test.each([
  [{ lang: 'en' }, ['a', 'b']],
  [{ lang: ['en', 'de'] }, ['a', 'b', 'c']],
  [{ year: 1999 }, ['a']],
  [{ year: '1999' }, []],
  [{ fresh: false }, ['b']],
  [{ tags: 'sweet' }, ['a']],
  [{ tags: ['drink', 'baked'] }, ['a', 'b']],
  [{ lang: 'en', tags: 'drink' }, ['b']],
  [{ lang: [] }, []],
  [{ nothing: 'here' }, []],
  [{ lang: "en' OR true --" }, []],
  [{}, ['a', 'b', 'c', 'd']],
])('filters by metadata %j', async (filter, expected) => {
  const store = await open('write');
  await store.append(FRUIT);
  const hits = await store.search(encoder.embed('apple juice'), { filter });
  expect(hits.map(({ id }) => id).sort()).toEqual(expected);
});

test('a filter is applied before the k best are chosen', async () => {
  const store = await open('write');
  await store.append(FRUIT);
  const hits = await store.search(encoder.embed('apple pie'), { k: 1, filter: { lang: 'de' } });
  expect(hits.map(({ id }) => id)).toEqual(['c']);
});

test('ids of any kind can be found, replaced and deleted', async () => {
  const ids = ["it's", '"quoted"', 'back\\slash', "'; DROP TABLE documents; --", 'line\nbreak', '日本語/😀', '%_', ' '];
  const store = await open('write');
  await store.append(ids.map((id) => stored(id, `text of ${id}`, { "it's": `a "field" of ${id}` })));
  for (const id of ids) {
    expect((await store.get([id])).get(id)?.text).toBe(`text of ${id}`);
    const hits = await store.search(encoder.embed('text'), { filter: { "it's": `a "field" of ${id}` } });
    expect(hits.map((hit) => hit.id)).toEqual([id]);
    await store.upsert([stored(id, 'replaced')]);
    expect((await store.get([id])).get(id)?.text).toBe('replaced');
    expect(await store.count()).toBe(ids.length);
  }
  for (const [index, id] of ids.entries()) {
    expect(await store.delete([id])).toBe(1);
    expect(await store.count()).toBe(ids.length - index - 1);
  }
});

test('get, upsert, delete and count', async () => {
  const store = await open('write');
  await store.append(FRUIT);
  await store.upsert([stored('b', 'orange juice'), stored('e', 'plum')]);
  expect(await store.count()).toBe(5);
  const found = await store.get(['b', 'e', 'nobody']);
  expect([...found.keys()].sort()).toEqual(['b', 'e']);
  expect(found.get('b')).toEqual(stored('b', 'orange juice'));
  expect(await store.delete(['a', 'c', 'nobody'])).toBe(2);
  expect((await all(store.iterate())).map(({ id }) => id).sort()).toEqual(['b', 'd', 'e']);
  await store.append([]);
  await store.upsert([]);
  expect(await store.delete([])).toBe(0);
});

test('iterates in the order of the commits, vectors byte for byte, also after compaction', async () => {
  const store = await open('write');
  const documents = Array.from({ length: 300 }, (_, index) => stored(`d${(index * 7919) % 1000}`, `word${index} and`));
  for (let start = 0; start < 300; start += 50) await store.append(documents.slice(start, start + 50));
  expect(await all(store.iterate())).toEqual(documents);
  await store.compact();
  expect(await all(store.iterate())).toEqual(documents);
  expect((await all(store.documents()))[7]).toEqual({ id: documents[7]!.id, text: documents[7]!.text });
  expect((await all(store.states()))[7]).toEqual({ id: documents[7]!.id, textHash: documents[7]!.textHash });
});

test('compaction leaves one data file and no more versions than one', async () => {
  const store = await open('write');
  for (const document of FRUIT) await store.append([document]);
  await store.compact();
  const table = join(folder, 'generation-1', 'documents.lance');
  expect(await readdir(join(table, 'data'))).toHaveLength(1);
  expect((await readdir(join(table, '_versions'))).filter((name) => name.endsWith('.manifest'))).toHaveLength(1);
});

test('a reader sees what a writer commits, also across a compaction', async () => {
  const writer = await open('write');
  await writer.append(FRUIT.slice(0, 2));
  const reader = await open('read');
  expect(await reader.count()).toBe(2);
  await writer.append(FRUIT.slice(2));
  expect(await reader.count()).toBe(4);
  await writer.compact();
  expect((await reader.search(encoder.embed('granite'), { k: 1 }))[0]!.id).toBe('d');
});

test('a reader cannot write', async () => {
  await (await open('write')).append(FRUIT);
  const reader = await open('read');
  await expect(reader.append(FRUIT)).rejects.toThrow(InvalidInputError);
  await expect(reader.delete(['a'])).rejects.toThrow('opened for reading');
  await expect(reader.compact()).rejects.toThrow('opened for reading');
  expect(await reader.count()).toBe(4);
});

test('only one writer at a time; the next one gets in when it has gone', async () => {
  const first = await open('write');
  await expect(open('write')).rejects.toThrow('another process is writing to this index');
  await opened.splice(0)[0]!.close();
  expect(first).not.toBe(await open('write'));
});

test('a writer that lost its lock commits nothing more', async () => {
  const store = await open('write');
  await store.append(FRUIT.slice(0, 1));
  // As after a long sleep of the machine: the lock was stale, and somebody else took it.
  await rm(join(folder, 'writer.lock'), { recursive: true });
  await vi.waitFor(() => expect(store.append([])).rejects.toThrow('lost'), { timeout: 10_000, interval: 100 });
  await expect(store.append(FRUIT.slice(1))).rejects.toThrow('the right to write to this index was lost');
  await expect(store.upsert(FRUIT)).rejects.toThrow('lost');
  await expect(store.delete(['a'])).rejects.toThrow('lost');
  expect(await store.count()).toBe(1);
});

test('another encoder is refused with both fingerprints', async () => {
  await open('write');
  const other = new HashingEncoder({ dimensions: 32, seed: 1 });
  const error = await open('read', other).catch((error) => error);
  expect(error).toBeInstanceOf(MismatchError);
  expect(error.message).toContain('hashing-0');
  expect(error.message).toContain('hashing-1');
  expect(error.message).toContain('reindex');
  await opened.splice(0)[0]!.close();
  await expect(open('write', other)).rejects.toThrow(MismatchError);
  await expect(open('write', new HashingEncoder({ dimensions: 16 }))).rejects.toThrow('16 dimensions');
  await open('write');
});

test('vectors of the wrong length or with NaN are refused', async () => {
  const store = await open('write');
  const [first] = FRUIT;
  await expect(store.append([{ ...first!, vector: new Float32Array(31) }])).rejects.toThrow(
    'the vector of document "a" has 31 dimensions, the index 32',
  );
  await expect(store.upsert([{ ...first!, vector: new Float32Array(32).fill(Number.NaN) }])).rejects.toThrow('finite');
  await expect(store.search(new Float32Array(3))).rejects.toThrow('the vector of the query has 3 dimensions');
  await expect(store.search(new Float32Array(32), { k: 0 })).rejects.toThrow('k should be a whole number');
  expect(await store.count()).toBe(0);
});

test('an empty index is searched without an error', async () => {
  const store = await open('write');
  expect(await store.search(encoder.embed('anything'))).toEqual([]);
  expect(await all(store.iterate())).toEqual([]);
  await store.compact();
  expect(await store.count()).toBe(0);
});

test('reading where there is no index is an error, and makes no folder', async () => {
  const missing = join(folder, 'missing');
  await expect(openStore(missing, { encoder })).rejects.toThrow(NotFoundError);
  expect(await readdir(folder)).toEqual([]);
});

test('a table that was being made when its writer was killed is made again', async () => {
  await (await open('write')).append(FRUIT);
  await opened.splice(0)[0]!.close();
  const table = join(folder, 'generation-1', 'documents.lance');
  await rm(join(table, '_versions'), { recursive: true });
  const store = await open('write');
  expect(await store.count()).toBe(0);
  await store.append(FRUIT);
  expect(await store.count()).toBe(4);
});

test('an index without its table is an error that says so', async () => {
  await open('write');
  await opened.splice(0)[0]!.close();
  await rm(join(folder, 'generation-1'), { recursive: true });
  await expect(open('read')).rejects.toThrow('the table of the index is missing');
});

test.each([
  ['truncated', '{"formatVersion": 1, "enc', 'CorruptFileError: expected a JSON manifest'],
  ['empty', '', 'CorruptFileError: expected a JSON manifest'],
  ['of another shape', '[]', 'CorruptFileError'],
  ['without a field', '{"formatVersion":1,"encoder":"hashing-0"}', 'CorruptFileError: field "dimensions"'],
  ['of a later format', '{"formatVersion":2}', 'MismatchError: this index has format 2'],
])('a manifest that is %s is refused with its path', async (_, content, expected) => {
  await open('write');
  await opened.splice(0)[0]!.close();
  await writeFile(join(folder, 'manifest.json'), content);
  for (const access of ['read', 'write'] as const) {
    const error = await open(access).catch((error) => error);
    const [name, message = ''] = expected.split(': ');
    expect(error.name).toBe(name);
    expect(error.message).toContain(message);
    expect(error.message).toContain(join(folder, 'manifest.json'));
  }
});

test('the manifest tells what the index is', async () => {
  const store = await openStore(folder, { encoder, access: 'write', source: 'fruit' });
  opened.push(store);
  await store.append(FRUIT);
  await store.updateManifest();
  expect(await readManifest(folder)).toEqual({
    formatVersion: 1,
    encoder: 'hashing-0',
    dimensions: 32,
    generation: 1,
    documents: 4,
    source: 'fruit',
    textHash: 'sha256',
  });
});
