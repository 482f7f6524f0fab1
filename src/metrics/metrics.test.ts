import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import {
  mean,
  ndcg,
  parseTrecQrels,
  parseTrecRun,
  type Qrels,
  type Run,
  rankedIds,
  recall,
  reciprocalRank,
} from './index.js';

const FOLDER = new URL('../../test/fixtures/search/trec_eval/', import.meta.url);
const read = (name: string) => readFileSync(new URL(name, FOLDER), 'utf8');

/** trec_eval's output: measure, query id or `all`, value with four decimals. */
function expected(name: string): Map<string, Map<string, number>> {
  const measures = new Map<string, Map<string, number>>();
  for (const line of read(name).split('\n')) {
    const [measure, queryId, value] = line.split(/\s+/);
    if (!measure || !queryId) continue;
    if (!measures.has(measure)) measures.set(measure, new Map());
    measures.get(measure)!.set(queryId, Number(value));
  }
  return measures;
}

const METRICS: [string, (run: Run, qrels: Qrels) => Map<string, number>][] = [
  ['ndcg', (run, qrels) => ndcg(run, qrels, Number.POSITIVE_INFINITY)],
  ['recip_rank', (run, qrels) => reciprocalRank(run, qrels, Number.POSITIVE_INFINITY)],
  ...[5, 10, 15, 20, 30, 100, 200, 500, 1000].flatMap((k): (typeof METRICS)[number][] => [
    [`ndcg_cut_${k}`, (run, qrels) => ndcg(run, qrels, k)],
    [`recall_${k}`, (run, qrels) => recall(run, qrels, k)],
  ]),
];

// The last pair is run with `-l 2`, which changes what counts as relevant, but not the gains.
test.each([
  ['qrels.test', 'results.test', 'out.test.aq', METRICS],
  ['qrels.test', 'results.trunc', 'out.test.aqc', METRICS],
  ['qrels.rel_level', 'results.test', 'out.test.aql', METRICS.filter(([name]) => name.startsWith('ndcg'))],
] as const)('%s and %s give the values of trec_eval', (qrelsName, runName, outName, metrics) => {
  const qrels = parseTrecQrels(read(qrelsName));
  const run = parseTrecRun(read(runName));
  const values = expected(outName);
  expect(run.size).toBeGreaterThan(1);
  for (const [name, metric] of metrics) {
    const ours = metric(run, qrels);
    for (const [queryId, value] of values.get(name)!) {
      const actual = queryId === 'all' ? mean(ours) : ours.get(queryId);
      expect(actual, `${name} of ${queryId}`).toBeCloseTo(value, 4);
    }
  }
});

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
  for (const metric of [ndcg, reciprocalRank, recall]) {
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
