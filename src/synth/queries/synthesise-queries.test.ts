import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { countWords, tinyRetrievalSet } from '../../../test/support/tiny-retrieval-set.js';
import type { ChatModel } from '../../llm/index.js';
import { loadBeir } from '../../search/index.js';
import { HashingEncoder } from '../../testing/index.js';
import { type CommitteeMember, type QueriesOptions, readSynthManifest, synthesiseQueries } from '../index.js';
import { queryIn } from './query-prompts.js';

let output: string;
beforeEach(async () => {
  output = await mkdtemp(join(tmpdir(), 'queries-'));
});
afterEach(() => rm(output, { recursive: true }));

const { documents } = tinyRetrievalSet();

/** Writes about the document's title; the symptom says nothing that leads back. */
function fakeExpert(): ChatModel & { asked: number } {
  return {
    name: 'fake',
    asked: 0,
    async complete({ messages }) {
      this.asked++;
      const prompt = messages[1]!.content;
      const topic = prompt.split('\n')[1]!;
      const text = prompt.includes('key words')
        ? `1. "${topic} work about"`
        : prompt.includes('problem')
          ? `nothing happens with ${topic.slice(0, 2)}`
          : `Query: How do ${topic} work?\nMore words.`;
      return { text, usage: { promptTokens: 10, completionTokens: 2 }, finishReason: 'stop' };
    },
  };
}

const run = (options: Partial<QueriesOptions> = {}) =>
  synthesiseQueries({ documents, output, model: fakeExpert(), countTokens: countWords, ...options });

test('a data set in BEIR format: queries that lead back to their document, split by document', async () => {
  const report = await run({ shares: { dev: 0.25, test: 0.25 }, roundTrip: { top: 1 }, seed: 3 });
  expect(report).toMatchObject({ documents: 8, sampled: 8, queries: 16, usage: { answers: 24 } });
  expect(new Set(report.rejected.map(({ reason, what }) => `${what}: ${reason}`))).toEqual(
    new Set(['symptom: does not find its document']),
  );
  const { train, dev, test } = report.splits;
  expect(train + dev + test).toBe(16);
  const splitOfDocument = new Map<string, string>();
  for (const split of ['train', 'dev', 'test'] as const) {
    const set = await loadBeir(output, split);
    expect(set.documents.map(({ id, title, text }) => ({ id, title, text }))).toEqual(documents);
    expect(set.queries).toHaveLength(report.splits[split]);
    for (const { id, text } of set.queries) {
      const [document] = [...set.qrels.get(id)!.keys()];
      expect(text).toContain(documents.find((one) => one.id === document)!.title);
      expect(splitOfDocument.get(document!) ?? split).toBe(split);
      splitOfDocument.set(document!, split);
    }
  }
  expect(splitOfDocument.size).toBe(8);
  expect(new Set(splitOfDocument.values()).size).toBeGreaterThan(1);
  expect((await readSynthManifest(output)).stages.queries).toMatchObject({
    model: 'fake',
    roundTrip: { member: 'bm25', fingerprint: 'bm25', top: 1 },
    prompt: { wishes: { symptom: expect.any(String) }, sha256: expect.any(String) },
    settings: { sample: null, seed: 3 },
    queries: 16,
  });
});

test('a larger sample keeps the queries of a smaller one, asks only for what is new, and moves no split', async () => {
  const read = async () => (await readFile(join(output, 'queries.jsonl'), 'utf8')).trim().split('\n');
  const trainOf = async () => new Set((await loadBeir(output, 'train')).queries.map(({ id }) => id));
  const model = fakeExpert();
  const shares = { dev: 0.5, test: 0 };
  await run({ model, sample: 3, shares });
  expect(model.asked).toBe(9);
  const [few, trainFew] = [await read(), await trainOf()];
  await run({ model, sample: 6, shares });
  expect(model.asked).toBe(18);
  const [more, trainMore] = [await read(), await trainOf()];
  expect(more).toEqual(expect.arrayContaining(few));
  const ids = few.map((line) => JSON.parse(line)._id);
  for (const id of ids) expect(trainMore.has(id)).toBe(trainFew.has(id));
  await run({ model, sample: 6, shares });
  expect(model.asked).toBe(18);
});

test('empty, long and doubled queries are rejected with their reasons', async () => {
  const model: ChatModel = {
    name: 'bad',
    async complete({ messages }) {
      const prompt = messages[1]!.content;
      const text = prompt.includes('key words') ? 'logs work' : prompt.includes('problem') ? '""' : 'long '.repeat(9);
      return { text, usage: { promptTokens: 1, completionTokens: 1 }, finishReason: 'stop' };
    },
  };
  const { rejected, queries } = await run({ model, sample: 2, queryTokens: 8, roundTrip: { top: 8 } });
  expect(queries).toBe(1);
  expect(rejected.map(({ what, reason }) => `${what}: ${reason}`)).toEqual([
    'intent: too long',
    'symptom: empty',
    'intent: too long',
    'key words: written for another document or kind too',
    'symptom: empty',
  ]);
});

test('a query that is a sentence of its document is none', async () => {
  const [{ id, text }] = documents as [(typeof documents)[number]];
  const long = { id, text: `${text} One two three\nfour five six seven eight nine.` };
  const model: ChatModel = {
    name: 'copies',
    async complete({ messages }) {
      const copied = messages[1]!.content.includes('key words')
        ? 'one two three four five six'
        : 'One two three four five six seven eight nine.';
      return { text: copied, usage: { promptTokens: 1, completionTokens: 1 }, finishReason: 'stop' };
    },
  };
  const { rejected, queries } = await run({ model, documents: [long] });
  expect(queries).toBe(1);
  expect(rejected.map(({ what, reason }) => `${what}: ${reason}`)).toEqual([
    'intent: copied from the document',
    'symptom: copied from the document',
  ]);
});

/** A dense member that embeds a query in another way than a document, as an O1 Embedder does. */
function denseMember() {
  const encoder = new HashingEncoder({ dimensions: 4096 });
  const seen = { queries: 0, open: 0 };
  const member: CommitteeMember = {
    kind: 'dense',
    name: 'hashing',
    load: async () => {
      seen.open++;
      return {
        name: 'hashing',
        dimensions: 4096,
        fingerprint: 'f',
        embed: (texts) => encoder.embedDocuments(texts),
        embedQueries: async (texts) => {
          seen.queries += texts.length;
          return texts.map((text) => encoder.embed(text));
        },
        close: async () => void seen.open--,
      };
    },
  };
  return { member, encoder, seen };
}

test('a dense member looks for the documents; their vectors are made before the expert is asked, and once', async () => {
  const { member, encoder, seen } = denseMember();
  const model = fakeExpert();
  const { complete } = model;
  model.complete = async function (request) {
    expect(encoder.calls).toEqual([documents.map(({ title, text }) => `${title}\n${text}`)]);
    return complete.call(this, request);
  };
  const report = await run({ model, roundTrip: { member, top: 1 } });
  // The symptom shares no word with any document: a cosine of 0 is no hit.
  expect(report.queries).toBe(16);
  expect(encoder.calls).toHaveLength(1);
  expect(seen).toEqual({ queries: 24, open: 0 });
  await run({ model, roundTrip: { member, top: 2 } });
  expect(encoder.calls).toHaveLength(1);
  expect(seen.queries).toBe(24);
  expect((await readSynthManifest(output)).stages.queries).toMatchObject({
    roundTrip: { member: 'hashing', fingerprint: 'f', top: 2 },
  });
});

test('a member that is not to be had is told before anything is asked', async () => {
  const model = fakeExpert();
  const member: CommitteeMember = { kind: 'dense', name: 'x', load: () => Promise.reject(new Error('no such model')) };
  await expect(run({ model, roundTrip: { member } })).rejects.toThrow('no such model');
  expect(model.asked).toBe(0);
});

test('changed settings are other questions', async () => {
  const model = fakeExpert();
  for (const [i, change] of [{}, { temperature: 0.1 }, { seed: 1 }, { documentTokens: 3 }, {}].entries()) {
    await run({ model, ...change });
    expect(model.asked).toBe(24 * Math.min(i + 1, 4));
  }
});

test('what is no corpus or no share is refused', async () => {
  await expect(run({ documents: [] })).rejects.toThrow(/no documents/);
  await expect(run({ shares: { dev: 0.6, test: 0.6 } })).rejects.toThrow(/at most 1 together, got 0.6 and 0.6/);
});

test.each([
  ['How?', 'How?'],
  ['\n  Query: "How do I?"\nBecause', 'How do I?'],
  ['- Search query: a  b', 'a b'],
  ['2) ‘quoted’', 'quoted'],
  ['', ''],
])('the query in %j', (answer, query) => expect(queryIn(answer)).toBe(query));
