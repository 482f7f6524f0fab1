import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import {
  averagePrecision,
  mean,
  ndcg,
  parseTrecQrels,
  parseTrecRun,
  precision,
  type Qrels,
  type RelevanceOptions,
  type Run,
  rankedIds,
  recall,
  reciprocalRank,
  success,
} from './index.js';

/** Every value that trec_eval's own tests expect, for the measures that are offered here. */

const FOLDER = new URL('../../test/fixtures/trec_eval/', import.meta.url);
function read(name: string): string {
  const bytes = readFileSync(new URL(name, FOLDER));
  return (name.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString();
}

type Metric = (run: Run, qrels: Qrels, k: number, options: RelevanceOptions) => Map<string, number>;
const WHOLE: Readonly<Record<string, Metric>> = { ndcg, map: averagePrecision, recip_rank: reciprocalRank };
const CUT: Readonly<Record<string, Metric>> = {
  ndcg_cut: ndcg,
  map_cut: averagePrecision,
  P: precision,
  recall,
  success,
};

/** The metric of a line of trec_eval's output, or nothing where it is not offered. */
function metricOf(
  name: string,
): ((run: Run, qrels: Qrels, options: RelevanceOptions) => Map<string, number>) | undefined {
  const whole = WHOLE[name];
  if (whole) return (run, qrels, options) => whole(run, qrels, Number.POSITIVE_INFINITY, options);
  const [, prefix, k] = /^([a-zA-Z_]+)_(\d+)$/.exec(name) ?? [];
  const cut = CUT[prefix ?? ''];
  return cut && ((run, qrels, options) => cut(run, qrels, Number(k), options));
}

interface Line {
  readonly measure: string;
  readonly queryId: string;
  readonly value: number;
}

const linesOf = (text: string): Line[] =>
  text
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .filter(({ length }) => length === 3)
    .map(([measure, queryId, value]) => ({ measure: measure!, queryId: queryId!, value: Number(value) }));

/** Checks all lines of offered measures, and says how many there were. */
function check(run: Run, qrels: Qrels, out: string, options: RelevanceOptions = {}): number {
  const cache = new Map<string, Map<string, number>>();
  let checked = 0;
  for (const { measure, queryId, value } of linesOf(read(out))) {
    const metric = metricOf(measure);
    if (!metric) continue;
    const values = cache.get(measure) ?? metric(run, qrels, options);
    cache.set(measure, values);
    const actual = queryId === 'all' ? mean(values) : values.get(queryId);
    // trec_eval prints four decimals.
    expect(Math.abs(actual! - value), `${measure} of ${queryId}: ${actual}, expected ${value}`).toBeLessThan(5.1e-5);
    checked++;
  }
  return checked;
}

const truncated = (run: Run, depth: number): Run =>
  new Map(
    [...run].map(([id, documents]) => {
      const kept = new Set(rankedIds(documents).slice(0, depth));
      return [id, documents.filter((document) => kept.has(document.id))];
    }),
  );

// `all_trec` has 42 lines of offered measures a query: 3 without a cut-off, 9 cut-offs of 4 measures, success at 3.
test.each([
  ['out.test', 'qrels.test', 'results.test', 11, {}],
  ['out.test', 'qrels.test.with-comments', 'results.test', 11, {}],
  ['out.test.a', 'qrels.test', 'results.test', 42, {}],
  ['out.test.aq', 'qrels.test', 'results.test', 4 * 42, {}],
  ['out.test.aqc', 'qrels.test', 'results.trunc', 4 * 42, {}],
  ['out.test.aql', 'qrels.rel_level', 'results.test', 4 * 42, { relevantFrom: 2 }],
  ['out.test.meas_params', 'qrels.test', 'results.test', 4 * 11, {}],
  ['out.comment.test', 'qrels.comment.test.gz', 'results.comment.test.gz', 11, {}],
] as const)('%s: %s, %s', (out, qrels, run, lines, options) => {
  expect(check(parseTrecRun(read(run)), parseTrecQrels(read(qrels)), out, options)).toBe(lines);
});

test('out.test.aqcM: the first 100 documents of each query', () => {
  const run = truncated(parseTrecRun(read('results.trunc')), 100);
  expect(check(run, parseTrecQrels(read('qrels.test')), 'out.test.aqcM')).toBe(4 * 42);
});

test('out.test.aqZ: the values less the mean, over the standard deviation, of other runs', () => {
  const others = new Map(
    read('zscores_file')
      .trim()
      .split('\n')
      .map((line) => line.split(' '))
      .map(([queryId, measure, meanValue, deviation]) => [
        `${measure} ${queryId}`,
        [Number(meanValue), Number(deviation)],
      ]),
  );
  const [run, qrels] = [parseTrecRun(read('results.test')), parseTrecQrels(read('qrels.test'))];
  let checked = 0;
  for (const { measure, queryId, value } of linesOf(read('out.test.aqZ'))) {
    const name = measure.replace(/^Z/, '');
    const metric = metricOf(name);
    if (!metric) continue;
    const scores = [...metric(run, qrels, {})].map(([id, score]) => {
      const [meanValue, deviation] = others.get(`${name} ${id}`)!;
      return [id, deviation === 0 ? 0 : (score - meanValue!) / deviation!] as const;
    });
    const actual = queryId === 'all' ? mean(new Map(scores)) : scores.find(([id]) => id === queryId)![1];
    expect(actual, `${measure} of ${queryId}`).toBeCloseTo(value, 4);
    checked++;
  }
  expect(checked).toBe(4 * 42);
});
