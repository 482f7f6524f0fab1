import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { InvalidInputError, MismatchError, NotFoundError } from '../errors.js';
import { HashingEncoder } from '../testing/hashing-encoder.js';
import {
  type DocumentRecord,
  type IndexOptions,
  type IndexProgress,
  indexCorpus,
  openStore,
  readFolder,
  readManifest,
  reindex,
  type StoredDocument,
} from './index.js';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'o1-index-'));
});
afterEach(() => rm(folder, { recursive: true }));

const records = (count: number): DocumentRecord[] =>
  Array.from({ length: count }, (_, index) => ({
    id: `d${index}`,
    title: `Title ${index}`,
    text: `text number ${index}`,
  }));

async function index(
  corpus: Iterable<DocumentRecord> | AsyncIterable<DocumentRecord>,
  encoder = new HashingEncoder(),
  options: IndexOptions = {},
) {
  const store = await openStore(folder, { encoder, access: 'write' });
  try {
    return await indexCorpus(store, corpus, encoder, { chunkSize: 4, ...options });
  } finally {
    await store.close();
  }
}

async function contents(encoder = new HashingEncoder()): Promise<StoredDocument[]> {
  const store = await openStore(folder, { encoder });
  const documents: StoredDocument[] = [];
  for await (const document of store.iterate()) documents.push(document);
  await store.close();
  return documents.sort((a, b) => (a.id < b.id ? -1 : 1));
}

test('embeds title and text in chunks of the corpus, and says what it did', async () => {
  const encoder = new HashingEncoder();
  const progress: IndexProgress[] = [];
  const report = await index(records(10), encoder, { total: 10, source: 'ten', onProgress: (p) => progress.push(p) });
  expect(report).toEqual({ embedded: 10, unchanged: 0, removed: 0, documents: 10, tokens: 50 });
  expect(encoder.calls.map((texts) => texts.length)).toEqual([4, 4, 2]);
  expect(encoder.calls[0]![0]).toBe('Title 0\ntext number 0');
  expect(progress.at(-1)).toEqual({ done: 10, total: 10, embedded: 10, tokens: 50 });
  expect(progress.map(({ done }) => done)).toEqual([...progress.map(({ done }) => done)].sort((a, b) => a - b));
  expect((await contents())[3]).toMatchObject({ id: 'd3', vector: encoder.embed('Title 3\ntext number 3') });
  expect(await readManifest(folder)).toMatchObject({ documents: 10, source: 'ten' });
});

test('a second run embeds only what is new or has changed', async () => {
  await index(records(10));
  const encoder = new HashingEncoder();
  const changed = records(11).map((record) => (record.id === 'd2' ? { ...record, title: 'New title' } : record));
  expect(await index(changed, encoder)).toMatchObject({ embedded: 2, unchanged: 9, removed: 0, documents: 11 });
  expect(encoder.calls).toEqual([['New title\ntext number 2'], ['Title 10\ntext number 10']]);
  expect((await contents()).find(({ id }) => id === 'd2')?.title).toBe('New title');
  expect(await index(changed, encoder)).toMatchObject({ embedded: 0, unchanged: 11 });
  expect(encoder.calls).toHaveLength(2);
});

test('new metadata is taken over without embedding', async () => {
  await index(records(6));
  const before = await contents();
  const encoder = new HashingEncoder();
  const labelled = records(6).map((record) => ({
    ...record,
    metadata: { part: record.id === 'd1' ? 'one' : 'other' },
  }));
  expect(await index(labelled, encoder)).toMatchObject({ embedded: 0, unchanged: 6 });
  expect(encoder.calls).toEqual([]);
  const after = await contents();
  expect(after.map(({ vector }) => vector)).toEqual(before.map(({ vector }) => vector));
  const store = await openStore(folder, { encoder });
  const hits = await store.search(encoder.embed('text'), { filter: { part: 'one' } });
  await store.close();
  expect(hits.map(({ id }) => id)).toEqual(['d1']);
});

test('documents gone from the corpus are kept, or removed where asked', async () => {
  await index(records(6));
  expect(await index(records(3))).toMatchObject({ removed: 0, documents: 6 });
  expect(await index(records(3), undefined, { removeMissing: true })).toMatchObject({ removed: 3, documents: 3 });
  expect((await contents()).map(({ id }) => id)).toEqual(['d0', 'd1', 'd2']);
});

test('an id that comes twice is an error; what was committed before is kept', async () => {
  const corpus = [...records(5), { id: 'd1', text: 'again' }];
  await expect(index(corpus)).rejects.toThrow('the id "d1" comes twice');
  expect(await contents()).toHaveLength(4);
});

test('stops at the signal and goes on where it stopped, with the same vectors', async () => {
  const settings = { neighbours: true };
  await index(records(10), new HashingEncoder(settings));
  const whole = await contents();
  await rm(folder, { recursive: true });

  const controller = new AbortController();
  const onProgress = ({ embedded }: IndexProgress) => embedded === 6 && controller.abort(new Error('enough'));
  const stopped = index(records(10), new HashingEncoder(settings), { signal: controller.signal, onProgress });
  await expect(stopped).rejects.toThrow('enough');
  expect(await contents()).toHaveLength(4);

  const encoder = new HashingEncoder(settings);
  expect(await index(records(10), encoder)).toMatchObject({ embedded: 6, unchanged: 4 });
  expect(encoder.calls.map((texts) => texts.length)).toEqual([4, 2]);
  expect(await contents()).toEqual(whole);
});

test('an encoder that is not the one of the index, or returns too little, is refused', async () => {
  const store = await openStore(folder, { encoder: new HashingEncoder(), access: 'write' });
  await expect(indexCorpus(store, records(2), new HashingEncoder({ seed: 1 }))).rejects.toThrow(MismatchError);
  const short = new HashingEncoder();
  short.embedDocuments = async () => [];
  await expect(indexCorpus(store, records(2), short)).rejects.toThrow(InvalidInputError);
  expect(await store.count()).toBe(0);
  await store.close();
});

test('a folder: only the changed section is embedded again, a deleted file goes away', async () => {
  const docs = join(folder, 'docs');
  await mkdir(docs);
  await writeFile(join(docs, 'a.md'), '# A\n\nOne.\n\n## Two\n\nTwo.\n');
  await writeFile(join(docs, 'b.md'), '# B\n\nThree.\n');
  const read = () => readFolder(docs, { countTokens: (text) => text.length });
  expect(await index(read(), undefined, { removeMissing: true })).toMatchObject({ embedded: 3 });

  await writeFile(join(docs, 'a.md'), '# A\n\nOne.\n\nMore.\n\n## Two\n\nTwo.\n');
  await rm(join(docs, 'b.md'));
  const encoder = new HashingEncoder();
  expect(await index(read(), encoder, { removeMissing: true })).toMatchObject({
    embedded: 1,
    unchanged: 1,
    removed: 1,
  });
  expect(encoder.calls).toEqual([['A\nOne.\n\nMore.']]);
  // The section that moved down without a change knows its new line.
  expect((await contents()).map(({ id, metadata }) => [id, metadata?.line])).toEqual([
    ['a.md#a', 1],
    ['a.md#two', 7],
  ]);
});

test('reindex embeds everything with another encoder, and leaves only that', async () => {
  await index(records(10), undefined, { source: 'ten' });
  const encoder = new HashingEncoder({ seed: 1, dimensions: 16 });
  const report = await reindex(folder, encoder, { chunkSize: 4 });
  expect(report).toMatchObject({ embedded: 10, documents: 10 });
  expect(await readManifest(folder)).toMatchObject({
    encoder: 'hashing-1',
    dimensions: 16,
    generation: 2,
    source: 'ten',
  });
  expect((await contents(encoder))[0]).toMatchObject({ id: 'd0', vector: encoder.embed('Title 0\ntext number 0') });
  await expect(openStore(folder, { encoder: new HashingEncoder() })).rejects.toThrow(MismatchError);
  expect((await readdir(folder)).sort()).toEqual(['generation-2', 'manifest.json']);
});

test('the old index answers while reindex is at work, and says so when it is gone', async () => {
  await index(records(10));
  const old = new HashingEncoder();
  const reader = await openStore(folder, { encoder: old });
  const answers: string[] = [];
  await reindex(folder, new HashingEncoder({ seed: 1, delayMs: 5 }), {
    chunkSize: 4,
    onProgress: () => reader.search(old.embed('number 7'), { k: 1 }).then((hits) => answers.push(hits[0]!.id)),
  });
  expect(answers.length).toBeGreaterThan(5);
  expect(new Set(answers)).toEqual(new Set(['d7']));
  await expect(reader.get(['d1'])).rejects.toThrow('the index was rebuilt while it was open');
  await reader.close();
});

test('reindex with the same encoder has nothing to do, and without an index nothing to read', async () => {
  await index(records(3));
  const encoder = new HashingEncoder();
  expect(await reindex(folder, encoder)).toMatchObject({ embedded: 0, unchanged: 3 });
  expect(encoder.calls).toEqual([]);
  await expect(reindex(join(folder, 'none'), encoder)).rejects.toThrow(NotFoundError);
});

test('a reindex that was stopped goes on, and follows what changed in the old index meanwhile', async () => {
  await index(records(10));
  const controller = new AbortController();
  const onProgress = ({ embedded }: IndexProgress) => embedded === 6 && controller.abort(new Error('enough'));
  const target = new HashingEncoder({ seed: 1 });
  const stopped = reindex(folder, target, { chunkSize: 4, signal: controller.signal, onProgress });
  await expect(stopped).rejects.toThrow('enough');

  const changed = records(10).map((record) => (record.id === 'd2' ? { ...record, text: 'changed' } : record));
  await index(changed.slice(1), undefined, { removeMissing: true });
  const again = new HashingEncoder({ seed: 1 });
  const report = await reindex(folder, again, { chunkSize: 4 });
  expect(report).toMatchObject({ embedded: 7, unchanged: 2, removed: 1, documents: 9 });
  const found = await contents(again);
  expect(found).toHaveLength(9);
  for (const { title, text, vector } of found) expect(vector).toEqual(again.embed(`${title}\n${text}`));
});

test('a reindex that was stopped does not matter to a reindex with a third encoder', async () => {
  await index(records(10));
  const signal = AbortSignal.abort(new Error('at once'));
  await expect(reindex(folder, new HashingEncoder({ seed: 1 }), { signal })).rejects.toThrow('at once');
  const third = new HashingEncoder({ seed: 2 });
  expect(await reindex(folder, third)).toMatchObject({ embedded: 10 });
  expect(await contents(third)).toHaveLength(10);
  expect((await readdir(folder)).sort()).toEqual(['generation-2', 'manifest.json']);
});
