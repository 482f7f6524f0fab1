import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { RetrievalSet } from '../../search/index.js';
import { HashingEncoder } from '../../testing/index.js';
import { readSynthManifest } from '../manifest.js';
import { mineNegatives } from '../negatives/index.js';
import { type CommitteeMember, judgeChoice, parseMembers, refineCandidates, selfRetriever } from './index.js';

let output: string;
beforeEach(async () => {
  output = await mkdtemp(join(tmpdir(), 'committee-'));
});
afterEach(() => rm(output, { recursive: true }));

/** Documents about one word each; query i asks for document i, and its neighbour is nearly as good. */
const WORDS = Array.from({ length: 150 }, (_, i) => `word${i}`);
const set: RetrievalSet = {
  documents: WORDS.map((word, i) => ({
    id: `d${i}`,
    title: word,
    text: `${word} ${WORDS[(i + 1) % 150]} common and ${i % 3 === 0 ? 'third' : 'other'}`,
  })),
  queries: WORDS.map((word, i) => ({ id: `q${i}`, text: `common ${word}` })),
  qrels: new Map(WORDS.map((_, i) => [`q${i}`, new Map([[`d${i}`, 1]])])),
};
const candidates = WORDS.map((word, i) => ({
  id: `q${i}`,
  thoughts: [`nothing of use ${i}`, `common ${word} ${WORDS[(i + 1) % 150]}`, `common third ${i}`],
}));

/** A dense member without a model; counts how often it is loaded, asked and closed. */
function fakeMember(name: string, seed = 0) {
  const encoder = new HashingEncoder({ dimensions: 256, seed });
  const seen = { loads: 0, closes: 0, open: 0, mostOpen: 0 };
  const member: CommitteeMember = {
    kind: 'dense',
    name,
    load: async () => {
      seen.loads++;
      fakeMember.open++;
      fakeMember.mostOpen = Math.max(fakeMember.mostOpen, fakeMember.open);
      return {
        name,
        dimensions: encoder.dimensions,
        fingerprint: encoder.fingerprint,
        embed: (texts, { signal } = {}) => encoder.embedDocuments(texts, signal ? { signal } : {}),
        close: async () => {
          seen.closes++;
          fakeMember.open--;
        },
      };
    },
  };
  return { member, encoder, seen };
}
fakeMember.open = 0;
fakeMember.mostOpen = 0;

const lines = async (file: string) =>
  (await readFile(join(output, file), 'utf8'))
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));

test('every candidate is scored by every member, and the vote orders them', async () => {
  const fake = fakeMember('encoder:fake');
  const report = await refineCandidates({ set, candidates, members: [...parseMembers(['bm25']), fake.member], output });
  expect(report).toMatchObject({ queries: 150, rejected: [], wins: [0, 150, 0] });
  expect(report.choices).toEqual({ bm25: [0, 150, 0], 'encoder:fake': [0, 150, 0] });
  expect(report.agreement[0]).toMatchObject({ a: 'bm25', b: 'encoder:fake', queries: 150, share: 1 });
  const records = await lines('refined.jsonl');
  expect(records).toHaveLength(150);
  expect(records[7]).toMatchObject({
    _id: 'q7',
    thoughts: [candidates[7]!.thoughts[1], expect.any(String), expect.any(String)],
    candidates: [1, expect.any(Number), expect.any(Number)],
  });
  for (const { thoughts, candidates: places, votes, scores } of records) {
    expect([...places].sort()).toEqual([0, 1, 2]);
    expect(votes).toEqual([...votes].sort((a, b) => b - a));
    expect(votes.reduce((sum: number, vote: number) => sum + vote, 0)).toBeCloseTo(2, 9);
    for (const row of Object.values(scores)) expect(row).toHaveLength(thoughts.length);
  }
  // 100 times the cosine of the thought alone and the document.
  const [thought, document] = [
    fake.encoder.embed(candidates[7]!.thoughts[1]!),
    fake.encoder.embed('word7\nword7 word8 common and other'),
  ];
  const cosine = thought.reduce((sum, value, i) => sum + value * document[i]!, 0);
  expect(records[7].scores['encoder:fake'][0]).toBeCloseTo(100 * cosine, 3);
  expect((await readSynthManifest(output)).stages.refine).toMatchObject({
    members: [
      { name: 'bm25', fingerprint: 'bm25' },
      { name: 'encoder:fake', fingerprint: 'hashing-0' },
    ],
    settings: { vote: 'soft' },
    wins: [0, 150, 0],
  });
});

test('hard vote; several positives count by their mean', async () => {
  const twice = {
    ...set,
    qrels: new Map([
      [
        'q0',
        new Map([
          ['d0', 1],
          ['d5', 2],
          ['d9', 0],
        ]),
      ],
    ]),
  };
  const fake = fakeMember('x');
  const options = { candidates: candidates.slice(0, 1), members: [fake.member], output };
  await refineCandidates({ ...options, set, vote: 'hard' });
  const [one] = await lines('refined.jsonl');
  expect(one.votes).toEqual([1, 0, 0]);
  await refineCandidates({ ...options, set: { ...set, qrels: new Map([['q0', new Map([['d5', 1]])]]) } });
  const [other] = await lines('refined.jsonl');
  await refineCandidates({ ...options, set: twice });
  const [both] = await lines('refined.jsonl');
  const scoreOf = (record: typeof one, place: number) => record.scores.x[record.candidates.indexOf(place)];
  for (const place of [0, 1, 2]) {
    expect(scoreOf(both, place)).toBeCloseTo((scoreOf(one, place) + scoreOf(other, place)) / 2, 3);
  }
});

test('a second run asks no member anew; another member is asked', async () => {
  const first = fakeMember('a');
  await refineCandidates({ set, candidates, members: [first.member], output });
  const calls = first.encoder.calls.length;
  expect(calls).toBe(3);
  const before = await readFile(join(output, 'refined.jsonl'), 'utf8');
  await refineCandidates({ set, candidates, members: [first.member], output });
  expect(first.encoder.calls).toHaveLength(calls);
  expect(await readFile(join(output, 'refined.jsonl'), 'utf8')).toBe(before);
  const second = fakeMember('a', 1);
  await refineCandidates({ set, candidates, members: [second.member], output });
  expect(second.encoder.calls).toHaveLength(3);
});

test('one member after the other is in memory, unless told otherwise', async () => {
  const members = [fakeMember('a').member, fakeMember('b', 1).member, fakeMember('c', 2).member];
  fakeMember.mostOpen = 0;
  await refineCandidates({ set, candidates, members, output });
  expect(fakeMember.mostOpen).toBe(1);
  const again = [fakeMember('a', 3).member, fakeMember('b', 4).member];
  await refineCandidates({ set, candidates, members: again, output, together: true });
  expect(fakeMember.mostOpen).toBe(2);
  expect(fakeMember.open).toBe(0);
});

test('together: where one member fails, the others have stopped and are closed before that is said', async () => {
  const slow = fakeMember('slow');
  const bad: CommitteeMember = {
    kind: 'dense',
    name: 'bad',
    load: async () => {
      throw new Error('no such model');
    },
  };
  const members = [slow.member, bad];
  await expect(refineCandidates({ set, candidates, members, output, together: true })).rejects.toThrow('no such model');
  expect(slow.seen).toMatchObject({ loads: 1, closes: 1 });
  // Not the whole of it: 3 calls.
  expect(slow.encoder.calls.length).toBeLessThan(3);
});

test('queries without candidate or positive are named; if all are, that is an error', async () => {
  const some = [...candidates.slice(0, 2), { id: 'q2', thoughts: [] }, { id: 'unknown', thoughts: ['a'] }];
  const members = [fakeMember('a').member];
  const report = await refineCandidates({ set, candidates: some, members, output });
  expect(report.queries).toBe(2);
  expect(report.rejected).toEqual([
    { id: 'q2', reason: 'no candidate' },
    { id: 'unknown', reason: 'no positive document in this set' },
  ]);
  await expect(refineCandidates({ set, candidates: some.slice(2), members, output })).rejects.toThrow(/no query has/);
});

test('an abort comes through between batches, and the member is closed', async () => {
  const controller = new AbortController();
  const fake = fakeMember('a');
  const onProgress = () => controller.abort(new Error('enough'));
  const options = { set, candidates, members: [fake.member], output, signal: controller.signal, onProgress };
  await expect(refineCandidates(options)).rejects.toThrow('enough');
  expect(fake.encoder.calls).toHaveLength(1);
  expect(fake.seen).toMatchObject({ loads: 1, closes: 1 });
  expect(existsSync(join(output, 'refined.jsonl'))).toBe(false);
});

test('negatives: within the ranks, no positive, no near-positive, teacher and scores kept', async () => {
  const [a, b] = [fakeMember('a'), fakeMember('b', 1)];
  const members = [...parseMembers(['bm25']), a.member, b.member];
  const report = await mineNegatives({ set, members, output, ranks: [2, 40], count: 5 });
  expect(report).toMatchObject({ queries: 150, negatives: 750, short: 0, rejected: [] });
  const records = await lines('negatives.jsonl');
  for (const { _id, negatives, teacher, scores } of records) {
    expect(negatives).toHaveLength(5);
    expect(new Set(negatives).size).toBe(5);
    expect(negatives).not.toContain(_id.replace('q', 'd'));
    expect(teacher.negatives).toEqual([...teacher.negatives].sort((x, y) => y - x));
    expect(Math.max(...teacher.negatives)).toBeLessThanOrEqual(0.95 * teacher.positive);
    expect(Object.keys(scores)).toEqual(['bm25', 'a', 'b']);
    expect(teacher.positive).toBeCloseTo((scores.a.positive + scores.b.positive) / 2, 5);
    expect(teacher.negatives[2]).toBeCloseTo((scores.a.negatives[2] + scores.b.negatives[2]) / 2, 5);
  }
  const [query, document] = [a.encoder.embed('common word7'), a.encoder.embed('word7\nword7 word8 common and other')];
  expect(records[7].scores.a.positive).toBeCloseTo(
    query.reduce((sum, value, i) => sum + value * document[i]!, 0),
    5,
  );
  expect((await readSynthManifest(output)).stages.negatives).toMatchObject({
    members: [
      { name: 'bm25', fingerprint: 'bm25' },
      { name: 'a', fingerprint: 'hashing-0' },
      { name: 'b', fingerprint: 'hashing-1' },
    ],
    negatives: 750,
  });
});

test('negatives: a copy of a positive is none, however low the positives score', async () => {
  // d150 says word for word what d3 says, which is the weaker of two positives.
  const copied: RetrievalSet = {
    documents: [...set.documents, { ...set.documents[3]!, id: 'd150' }],
    queries: set.queries.slice(0, 1),
    qrels: new Map([
      [
        'q0',
        new Map([
          ['d0', 1],
          ['d3', 1],
        ]),
      ],
    ]),
  };
  await mineNegatives({
    set: copied,
    members: [fakeMember('a').member],
    output,
    ranks: [1, 151],
    count: 151,
    share: 2,
  });
  const [{ negatives }] = await lines('negatives.jsonl');
  expect(negatives.length).toBeGreaterThan(100);
  for (const id of ['d0', 'd3', 'd150']) expect(negatives).not.toContain(id);
});

test('negatives: vectors are made once, the draw follows the seed, the top is the top', async () => {
  const fake = fakeMember('a');
  const options = { set, members: [fake.member], output, limit: 20 };
  await mineNegatives(options);
  const first = await lines('negatives.jsonl');
  expect(first).toHaveLength(20);
  const calls = fake.encoder.calls.length;
  await mineNegatives({ ...options, seed: 1 });
  expect(fake.encoder.calls).toHaveLength(calls);
  expect(await lines('negatives.jsonl')).not.toEqual(first);
  await mineNegatives(options);
  expect(await lines('negatives.jsonl')).toEqual(first);
  await mineNegatives({ ...options, pick: 'top', share: 2 });
  const top = await lines('negatives.jsonl');
  for (const [i, { teacher }] of top.entries()) {
    expect(teacher.negatives[0]).toBeGreaterThanOrEqual(first[i].teacher.negatives[0]);
  }
});

test('negatives need a dense member and sound settings', async () => {
  const members = [fakeMember('a').member];
  await expect(mineNegatives({ set, members: parseMembers(['bm25']), output })).rejects.toThrow(/need a dense member/);
  await expect(mineNegatives({ set, members, output, ranks: [5, 2] })).rejects.toThrow(/ranks must be/);
  await expect(mineNegatives({ set, members, output, miners: ['b'] })).rejects.toThrow(/expected miners/);
});

test('the committee is judged by an encoder of its own', async () => {
  const members = [...parseMembers(['bm25']), fakeMember('a').member];
  await refineCandidates({ set, candidates, members, output });
  const judge = fakeMember('judge', 9);
  const judgement = await judgeChoice({ set, refined: await lines('refined.jsonl'), judge: judge.member, output });
  expect(judge.seen).toMatchObject({ loads: 1, closes: 1 });
  expect(judgement.queries).toBe(150);
  expect(judgement.winner).toBeGreaterThan(judgement.random);
  expect(judgement.random).toBeGreaterThan(judgement.worst);
  expect(judgement.best).toBeGreaterThanOrEqual(judgement.winner);
  expect(judgement.members).toEqual({ bm25: judgement.winner, a: judgement.winner });
});

test('what a member may be called', () => {
  const names = ['bm25', 'encoder:all-minilm-l6-v2', 'embeddings:http://127.0.0.1:1/v1#m'];
  expect(parseMembers(names).map(({ name, kind }) => [name, kind])).toEqual([
    [names[0], 'sparse'],
    [names[1], 'dense'],
    [names[2], 'dense'],
  ]);
  expect(() => parseMembers(['colbert'])).toThrow(/no committee member "colbert".*one of: bm25/s);
  expect(() => parseMembers(['bm25', 'bm25'])).toThrow(/twice/);
  expect(() => parseMembers([])).toThrow(/at least one/);
  expect(() => parseMembers(['self'])).toThrow(/needs an O1 Embedder/);
  for (const url of ['http://user:secret@host/v1', 'http://secret@host/v1', 'http://host/v1?key=secret']) {
    expect(() => parseMembers([`embeddings:${url}#m`])).toThrow(/^(?!.*secret).*without password or parameters/);
    expect(() => parseMembers([`embedding:${url}#m`])).toThrow(/^(?!.*secret).*no such committee member/);
  }
});

test('self: documents as they are, queries without thinking', async () => {
  const asked: unknown[] = [];
  const retriever = selfRetriever({
    fingerprint: 'f',
    dimensions: 2,
    embedDocuments: async (texts) => texts.map(() => Float32Array.of(1, 0)),
    embedQuery: async (text, options) => {
      asked.push([text, options]);
      return { vector: Float32Array.of(0, 1) };
    },
    close: async () => {},
  });
  expect(await retriever.embed(['d'])).toEqual([Float32Array.of(1, 0)]);
  expect(await retriever.embedQueries!(['q'])).toEqual([Float32Array.of(0, 1)]);
  expect(asked).toEqual([['q', { think: 'never' }]]);
});
