import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { tinyRetrievalSet } from '../../../test/support/tiny-retrieval-set.js';
import { writeCandidates, writeStage, writeSynthReport } from '../index.js';
import { reportFigures } from './report-figures.js';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'report-'));
});
afterEach(() => rm(folder, { recursive: true }));

const candidates = [
  { id: 'q0', thoughts: ['one two', 'one <b>', 'three four'], tokens: [2, 2, 2] },
  { id: 'q1', thoughts: ['five', 'six'], tokens: [1, 1] },
];
/** q0: the vote and a take 2, b takes 0. q1: all take 1, b by a tie that the first candidate would win. */
const refined = [
  {
    _id: 'q0',
    thoughts: ['three four', 'one two', 'one <b>'],
    candidates: [2, 0, 1],
    votes: [1.2, 0.7, 0.1],
    scores: { a: [9, 1, 2], b: [3, 4, 0] },
  },
  { _id: 'q1', thoughts: ['six', 'five'], candidates: [1, 0], votes: [1.5, 0.5], scores: { a: [2, 1], b: [3, 3] } },
];
/** One candidate: there was nothing to choose, so it says nothing about agreement. */
const single = { _id: 'q2', thoughts: ['x'], candidates: [0], votes: [2], scores: { a: [1], b: [1] } };
const mined = [{ _id: 'q0', negatives: ['d3', 'd4'], teacher: { positive: 0.9, negatives: [0.5, 0.4] } }];

test('figures by hand', () => {
  const figures = reportFigures(candidates, [...refined, single], mined);
  expect(figures.wins).toEqual([1, 1, 1]);
  expect(figures.choices).toEqual({ a: [1, 1, 1], b: [3, 0, 0] });
  expect(figures.agreement).toEqual([
    { a: 'vote', b: 'a', share: 1 },
    { a: 'vote', b: 'b', share: 0 },
    { a: 'a', b: 'b', share: 0 },
  ]);
  expect(figures.margins).toEqual([1.2 - 0.7, 1]);
  expect(figures.tokens).toEqual([2, 2, 2, 1, 1]);
  expect(figures.diversity).toHaveLength(2);
  expect(figures.teacher).toEqual([
    { kind: 'positive', score: 0.9 },
    { kind: 'negative', score: 0.5 },
    { kind: 'negative', score: 0.4 },
  ]);
});

test('the page grows with the stages, and text from outside stays text', async () => {
  const set = tinyRetrievalSet();
  await writeCandidates(folder, candidates);
  await writeStage(folder, 'thoughts', {
    model: 'fake<script>',
    queries: 2,
    thoughts: 5,
    rejected: [{ id: 'q2', reason: 'empty' }],
    usage: { answers: 6, promptTokens: 1234, completionTokens: 5, cost: 0.5 },
  });
  const page = async () => readFile(await writeSynthReport(folder, { set }), 'utf8');
  const first = await page();
  expect(first).toContain('what are logs');
  expect(first).toContain('1,234');
  expect(first).toContain('<td>empty</td>');
  expect(first).not.toContain('fake<script>');
  expect(first).not.toContain('one <b>');
  expect(first).not.toContain('<h2>Committee</h2>');

  const lines = (records: readonly object[]) => records.map((record) => `${JSON.stringify(record)}\n`).join('');
  await writeFile(join(folder, 'refined.jsonl'), lines(refined));
  await writeFile(join(folder, 'negatives.jsonl'), lines(mined));
  await writeStage(folder, 'refine', { queries: 2 });
  await writeStage(folder, 'negatives', { queries: 1 });
  const whole = await page();
  expect(whole).toContain('<h2>Committee</h2>');
  expect(whole).toMatch(
    /class="winner"><td>3<\/td><td>three four<\/td><td class="number">1\.200<\/td><td class="number">9\.000/,
  );
  expect(whole).toContain('2 hard negatives (positive: 0.900)');
  expect(whole).toContain('All about buffers.');

  expect(whole).not.toContain('nDCG@10');
  const judgement = { queries: 2, query: 0.5, winner: 0.75, random: 0.6, worst: 0.4, best: 0.8, members: { a: 0.76 } };
  const judged = await readFile(
    await writeSynthReport(folder, { set, judgement: { judge: 'j', ...judgement } }),
    'utf8',
  );
  const rows = [
    ...judged.matchAll(/<tr><td>([^<]*)<\/td><td class="number">(0\.\d{4})<\/td><td class="number">(.*?)<\/td>/g),
  ];
  expect(rows.map(([, ...cells]) => cells)).toEqual([
    ['the vote', '0.7500', ''],
    ['a alone', '0.7600', '−0.0100'],
    ['a random candidate', '0.6000', '+0.1500'],
    ['the worst by vote', '0.4000', '+0.3500'],
    ['the best there is', '0.8000', '−0.0500'],
    ['no thought', '0.5000', '+0.2500'],
  ]);

  // Other thoughts: the votes were about those of before, the negatives are not.
  await writeStage(folder, 'refine', { queries: 2 });
  expect(await page()).toContain('2 hard negatives');
  await writeStage(folder, 'thoughts', { model: 'another' });
  const anew = await page();
  expect(anew).not.toContain('<h2>Committee</h2>');
  expect(anew).not.toContain('class="winner"');
  expect(anew).toContain('2 hard negatives');

  await writeStage(folder, 'refine', { queries: 2 });
  await writeFile(join(folder, 'refined.jsonl'), '{"_id":"q0"}\n');
  await expect(page()).rejects.toThrow(/refined\.jsonl:1: field "thoughts"/);
});
