import { describe, expect, test } from 'vitest';
import {
  averagePrecision,
  formatTrecRun,
  measureNamed,
  ndcg,
  parseTrecQrels,
  parseTrecRun,
  precision,
  rankedIds,
  recall,
  reciprocalRank,
  type ScoredDocument,
  success,
} from './index.js';

test('equal scores are ranked by id descending, whatever the order they came in', () => {
  const documents = ['a', 'c', 'b', '\u{1F600}', '\uFFFD'].map((id) => ({ id, score: 1 }));
  expect(rankedIds([...documents, { id: 'top', score: 2 }])).toEqual(['top', '\u{1F600}', '\uFFFD', 'c', 'b', 'a']);
});

test('a query without results or without a relevant document counts as 0', () => {
  const qrels = new Map([
    ['found', new Map([['a', 1]])],
    ['missed', new Map([['a', 1]])],
    ['nothing relevant', new Map([['a', 0]])],
  ]);
  const run = new Map([
    ['found', [{ id: 'a', score: 1 }]],
    ['nothing relevant', [{ id: 'a', score: 1 }]],
    ['unjudged', [{ id: 'a', score: 1 }]],
  ]);
  for (const metric of [ndcg, reciprocalRank, recall, success, averagePrecision]) {
    expect(Object.fromEntries(metric(run, qrels, 10))).toEqual({ found: 1, missed: 0, 'nothing relevant': 0 });
  }
});

test('the reciprocal rank is cut off', () => {
  const qrels = new Map([['q', new Map([['b', 1]])]]);
  const run = new Map([
    [
      'q',
      [
        { id: 'a', score: 2 },
        { id: 'b', score: 1 },
      ],
    ],
  ]);
  expect(reciprocalRank(run, qrels, 2).get('q')).toBe(0.5);
  expect(reciprocalRank(run, qrels, 1).get('q')).toBe(0);
});

test('a line with too few fields is an error with its number', () => {
  expect(() => parseTrecQrels('q 0 d 1\nq 0 d', 'dev.qrels')).toThrow(
    'dev.qrels:2: expected at least 4 fields, found 3.',
  );
  expect(() => parseTrecRun('q Q0 d 1 high tag', 'my.run')).toThrow(
    'my.run:1: score should be a number, found "high".',
  );
});

test('grades below relevantFrom are not relevant, and nDCG keeps its gains', () => {
  const qrels = new Map([['q', new Map(Object.entries({ a: 1, b: 2, c: -1 }))]]);
  const run = new Map([['q', ['a', 'b', 'c'].map((id, i) => ({ id, score: -i }))]]);
  expect(precision(run, qrels, 2).get('q')).toBe(1);
  expect(precision(run, qrels, 2, { relevantFrom: 2 }).get('q')).toBe(0.5);
  expect(averagePrecision(run, qrels, 10, { relevantFrom: 2 }).get('q')).toBe(0.5);
  expect(reciprocalRank(run, qrels, 10, { relevantFrom: 2 }).get('q')).toBe(0.5);
  expect(success(run, qrels, 1, { relevantFrom: 2 }).get('q')).toBe(0);
  expect(recall(run, qrels, 10, { relevantFrom: 3 }).get('q')).toBe(0);
  // Gains 1 and 2 where 2 and 1 were ideal; the negative grade gains nothing.
  const discount = 1 / Math.log2(3);
  expect(ndcg(run, qrels, 10).get('q')).toBeCloseTo((1 + 2 * discount) / (2 + discount), 12);
});

describe('one-hot vectors, whose ranking is known', () => {
  /** Document i is the unit vector of dimension i; a query is a mixture of dimensions. */
  const dimensions = 6;
  const vector = (parts: Record<number, number>) => Float32Array.from({ length: dimensions }, (_, i) => parts[i] ?? 0);
  const dot = (a: Float32Array, b: Float32Array) => a.reduce((sum, value, i) => sum + value * b[i]!, 0);
  const documents = Array.from({ length: dimensions }, (_, i) => ({ id: `d${i}`, vector: vector({ [i]: 1 }) }));
  const search = (query: Float32Array): ScoredDocument[] =>
    documents.map((document) => ({ id: document.id, score: dot(query, document.vector) }));
  const run = new Map([
    ['sharp', search(vector({ 2: 1 }))],
    ['second', search(vector({ 0: 3, 1: 2 }))],
    ['away', search(vector({ 4: 1, 5: 0.5 }))],
  ]);
  const qrels = new Map([
    ['sharp', new Map([['d2', 1]])],
    ['second', new Map([['d1', 1]])],
    ['away', new Map([['d0', 1]])],
  ]);

  test('metrics of a query that is found first, second, and last of all ties', () => {
    const values = (name: string) => [...measureNamed(name).perQuery(run, qrels).values()];
    expect(values('nDCG@10')).toEqual([1, 1 / Math.log2(3), 1 / Math.log2(7)]);
    expect(values('MRR@5')).toEqual([1, 1 / 2, 0]);
    expect(values('MAP')).toEqual([1, 1 / 2, 1 / 6]);
    expect(values('Recall@2')).toEqual([1, 1, 0]);
    expect(values('P@2')).toEqual([1 / 2, 1 / 2, 0]);
    expect(values('Success@1')).toEqual([1, 0, 0]);
  });

  test('a run that is written and read again has the same values', () => {
    const again = parseTrecRun(formatTrecRun(run, 'one-hot'));
    expect(again.get('second')).toEqual(expect.arrayContaining(run.get('second')!));
    expect(again.get('second')!.map(({ id }) => id)).toEqual(rankedIds(run.get('second')!));
    for (const name of ['nDCG@10', 'MAP']) {
      expect(measureNamed(name).perQuery(again, qrels)).toEqual(measureNamed(name).perQuery(run, qrels));
    }
  });
});

test('what a TREC run cannot hold is not written', () => {
  expect(() => formatTrecRun(new Map([['q', [{ id: 'a b', score: 1 }]]]), 'x')).toThrow('document id "a b"');
  expect(() => formatTrecRun(new Map(), 'my system')).toThrow('name of the system "my system"');
});

test('names of measures', () => {
  expect(measureNamed('ndcg@10').name).toBe('nDCG@10');
  expect(measureNamed('map').name).toBe('MAP');
  for (const wrong of ['recall', 'ndcg@0', 'ndcg@', 'toString@1', 'f1@10']) {
    expect(() => measureNamed(wrong)).toThrow(`no such measure: "${wrong}"`);
  }
});
