import { appendFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { contentKey, Journal } from './index.js';

let folder: string;
let path: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'journal-'));
  path = join(folder, 'stage', 'journal.jsonl');
});
afterEach(() => rm(folder, { recursive: true }));

test('what was appended is there when the journal is opened again', async () => {
  const journal = await Journal.open<{ n: number }>(path);
  await Promise.all(Array.from({ length: 50 }, (_, n) => journal.append(`key ${n}`, { n })));
  await journal.append('key 3', { n: 33 });
  await journal.close();
  const again = await Journal.open<{ n: number }>(path);
  expect(again.size).toBe(50);
  expect(again.get('key 3')).toEqual({ n: 33 });
  expect(again.get('key 49')).toEqual({ n: 49 });
  expect(again.has('key 50')).toBe(false);
  expect([...again.entries()].slice(0, 2).map(([key]) => key)).toEqual(['key 0', 'key 1']);
  await again.close();
});

test('a torn last line is cut off, wherever it is torn, and the next append starts a line of its own', async () => {
  const journal = await Journal.open(path);
  await journal.append('a', 'ä');
  await journal.close();
  const whole = await readFile(path);
  const line = Buffer.from(`${JSON.stringify({ key: 'b', value: 'ü' })}`);
  for (let length = 1; length <= line.length; length++) {
    await writeFile(path, Buffer.concat([whole, line.subarray(0, length)]));
    const torn = await Journal.open(path);
    expect([...torn.entries()]).toEqual([['a', 'ä']]);
    await torn.append('c', 1);
    await torn.close();
    expect(await readFile(path, 'utf8')).toBe(`${whole}{"key":"c","value":1}\n`);
  }
});

test('a bad line in the middle is an error that names it', async () => {
  const journal = await Journal.open(path);
  await journal.append('a', 1);
  await journal.close();
  await appendFile(path, 'nonsense\n{"key":"b","value":2}\n');
  await expect(Journal.open(path)).rejects.toThrow(/journal\.jsonl:2: expected a line of a journal.*Delete this line/s);
});

test('a write that fails is reported to everyone who waits, and afterwards', async () => {
  const journal = await Journal.open(path);
  await journal.close();
  const appends = await Promise.allSettled([journal.append('a', 1), journal.append('b', 2)]);
  expect(appends.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  await expect(journal.append('c', 3)).rejects.toThrow(/cannot write the journal/);
});

test('content keys know values, not the order of fields', () => {
  expect(contentKey({ a: 1, b: [2, { c: null, d: undefined }] })).toBe(contentKey({ b: [2, { c: null }], a: 1 }));
  const different = [{ a: 1 }, { a: '1' }, { a: 1, b: null }, [1], ['1'], 'a', { a: [1, 2] }, { a: [2, 1] }, {}];
  expect(new Set(different.map(contentKey)).size).toBe(different.length);
  expect(contentKey({ b: 1, a: 'é' })).toMatch(/^[0-9a-f]{64}$/);
  for (const value of [{ a: Number.NaN }, [undefined], new Date(0), () => 1]) {
    expect(() => contentKey(value)).toThrow(/JSON values only/);
  }
});
