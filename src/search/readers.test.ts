import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { CorruptFileError, InvalidInputError, NotFoundError } from '../errors.js';
import { BadLines, type DocumentRecord, type JsonlOptions, loadBeir, readJsonl, readQrels } from './index.js';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'o1-readers-'));
});
afterEach(() => rm(folder, { recursive: true }));

async function write(name: string, content: string | Uint8Array): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, content);
  return path;
}

async function read(path: string, options?: JsonlOptions): Promise<DocumentRecord[]> {
  const records: DocumentRecord[] = [];
  for await (const record of readJsonl(path, options)) records.push(record);
  return records;
}

const TWO = '{"_id": "a", "title": "T", "text": "one"}\n{"_id": 7, "text": "two"}\n';
const TWO_RECORDS = [
  { id: 'a', title: 'T', text: 'one' },
  { id: '7', text: 'two' },
];

test.each([
  ['plain', 'c.jsonl', TWO],
  ['without a last newline', 'c.jsonl', TWO.trimEnd()],
  ['gzip', 'c.jsonl.gz', gzipSync(TWO)],
  [
    'gzip in two members',
    'c.jsonl.gz',
    Buffer.concat(
      TWO.trimEnd()
        .split('\n')
        .map((line) => gzipSync(`${line}\n`)),
    ),
  ],
  [
    'with a byte order mark, Windows line endings and blank lines',
    'c.jsonl',
    `\ufeff${TWO.replaceAll('\n', '\r\n\r\n \r\n')}`,
  ],
])('reads JSON lines: %s', async (_, name, content) => {
  expect(await read(await write(name, content))).toEqual(TWO_RECORDS);
});

test('only a newline ends a line, wherever the file is cut into blocks', async () => {
  const text = `line separator \u2028 paragraph separator \u2029 next line \u0085 ${'日本語😀'.repeat(20_000)}`;
  const lines = [0, 1, 2].map((id) => `${JSON.stringify({ _id: id, text })}\n`).join('');
  expect(await read(await write('c.jsonl', lines))).toEqual(['0', '1', '2'].map((id) => ({ id, text })));
});

test('metadata: what can be filtered is kept; fields can be named', async () => {
  const path = await write(
    'c.jsonl',
    '{"_id": "a", "text": "x", "metadata": {"n": 1, "ok": true, "tags": ["p", "q"], "none": null, "deep": {"a": 1}}}\n' +
      '{"_id": "b", "text": "x", "metadata": {"none": null}}\n',
  );
  expect(await read(path)).toEqual([
    { id: 'a', text: 'x', metadata: { n: 1, ok: true, tags: ['p', 'q'] } },
    { id: 'b', text: 'x' },
  ]);
  const other = await write('d.jsonl', '{"key": 3, "name": "N", "body": "B", "lang": "en", "size": 2}\n');
  const fields = { id: 'key', title: 'name', text: 'body' };
  expect(await read(other, { fields, metadataFields: ['lang', 'missing'] })).toEqual([
    { id: '3', title: 'N', text: 'B', metadata: { lang: 'en' } },
  ]);
});

test.each([
  ['{"_id": "b", "text": "x"', ':2: expected a JSON object'],
  ['[1]', ':2: expected a JSON object, found [1]'],
  ['null', ':2: expected a JSON object, found null'],
  ['{"text": "x"}', ':2: field "_id": expected a string or a number, found nothing'],
  ['{"_id": "", "text": "x"}', ':2: field "_id": expected a string or a number, found an empty string'],
  ['{"_id": "b"}', ':2: field "text": expected a string, found nothing'],
  ['{"_id": "b", "text": ["x"]}', ':2: field "text": expected a string, found ["x"]'],
  ['{"_id": "b", "title": 5, "text": "x"}', ':2: field "title": expected a string, found 5'],
  ['{"_id": "a", "text": "x"}', ':2: field "_id": the id "a" stands already in'],
])('a bad line %s is an error with file, line and field; or it is counted and left out', async (bad, message) => {
  const path = await write('c.jsonl', `{"_id": "a", "text": "x"}\n${bad}\n{"_id": "c", "text": "z"}\n`);
  const error = await read(path).catch((error) => error);
  expect(error).toBeInstanceOf(InvalidInputError);
  expect(error.message).toContain(path + message);

  const badLines = new BadLines();
  expect((await read(path, { badLines })).map(({ id }) => id)).toEqual(['a', 'c']);
  expect(badLines.count).toBe(1);
  expect(badLines.first[0]!.message).toContain(path + message);
});

test('of many bad lines all are counted and the first five kept', async () => {
  const badLines = new BadLines();
  expect(await read(await write('c.jsonl', 'bad\n'.repeat(20)), { badLines })).toEqual([]);
  expect(badLines.count).toBe(20);
  expect(badLines.first.map(({ where }) => where!.split(':').at(-1))).toEqual(['1', '2', '3', '4', '5']);
});

test('bytes that are not UTF-8 are an error with the line', async () => {
  const path = await write('c.jsonl', Buffer.concat([Buffer.from(TWO), Buffer.from([0x22, 0xff, 0x22, 0x0a])]));
  await expect(read(path)).rejects.toThrow(`${path}:3: expected text in UTF-8`);
  const badLines = new BadLines();
  expect(await read(path, { badLines })).toEqual(TWO_RECORDS);
  expect(badLines.count).toBe(1);
});

test.each([
  ['cut off', gzipSync(TWO).subarray(0, 40)],
  ['not gzip at all', Buffer.from(TWO)],
])('a gzip file that is %s is an error with its path', async (_, content) => {
  const path = await write('c.jsonl.gz', content);
  const error = await read(path).catch((error) => error);
  expect(error).toBeInstanceOf(CorruptFileError);
  expect(error.message).toContain(path);
});

test('a file that is not there is an error', async () => {
  await expect(read(join(folder, 'none.jsonl'))).rejects.toThrow(NotFoundError);
  await expect(read(join(folder, 'none.jsonl.gz'))).rejects.toThrow(NotFoundError);
});

test('a reader that is left early closes its file', async () => {
  const path = await write('c.jsonl.gz', gzipSync(TWO));
  for await (const record of readJsonl(path)) {
    expect(record.id).toBe('a');
    break;
  }
  await rm(path);
});

async function writeSet(qrels: string): Promise<void> {
  await mkdir(join(folder, 'qrels'));
  await write('corpus.jsonl.gz', gzipSync(TWO));
  await write(
    'queries.jsonl',
    '{"_id": "q1", "text": "first"}\n{"_id": "q2", "text": "second"}\n{"_id": "q3", "text": "x"}\n',
  );
  await write('qrels/test.tsv', qrels);
}

test('loads a BEIR folder, plain and gzip side by side; only judged queries', async () => {
  await writeSet('query-id\tcorpus-id\tscore\r\nq2\ta\t2\r\nq2\t7\t0\r\nq1\t7\t1\r\n');
  const { documents, queries, qrels } = await loadBeir(folder, 'test');
  expect(documents).toEqual(TWO_RECORDS);
  expect(queries).toEqual([
    { id: 'q1', text: 'first' },
    { id: 'q2', text: 'second' },
  ]);
  expect(qrels).toEqual(
    new Map([
      [
        'q2',
        new Map([
          ['a', 2],
          ['7', 0],
        ]),
      ],
      ['q1', new Map([['7', 1]])],
    ]),
  );
  await expect(loadBeir(folder, 'dev')).rejects.toThrow('dev.tsv: no such file');
});

test('a judged query that is not there is an error', async () => {
  await writeSet('q9\ta\t1\n');
  await expect(loadBeir(folder, 'test')).rejects.toThrow('the judged query "q9" of test is not there');
});

test.each([
  ['q1\ta', ':2: expected three columns'],
  ['q1 a 1', ':2: expected three columns'],
  ['q1\ta\t1\tx', ':2: expected three columns'],
  ['q1\ta\thigh', ':2: column 3: expected a whole number as grade, found "high"'],
])('bad judgements %j are an error with the line', async (line, message) => {
  const path = await write('test.tsv', `query-id\tcorpus-id\tscore\n${line}\n`);
  await expect(readQrels(path)).rejects.toThrow(path + message);
});
