import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { compatibility, parseTrecQrels, parseTrecRun } from './index.js';

const FOLDER = new URL('../../test/fixtures/ir_measures/', import.meta.url);
const read = (name: string) => readFileSync(new URL(name, FOLDER), 'utf8');

test.each([
  [0.95, { '31_1': 0.51779512165509, '31_2': 0.018400100569017922 }],
  [0.9, { '31_1': 0.3761334522946854, '31_2': 0.004344079941789211 }],
])("p = %d: the values of the authors' program, as ir_measures tests them", (p, expected) => {
  const qrels = parseTrecQrels(read('ir_measures_compat.qrels'));
  const run = parseTrecRun(read('ir_measures_compat.run'));
  const values = compatibility(run, qrels, p);
  expect([...values.keys()].sort()).toEqual(Object.keys(expected));
  for (const [id, value] of Object.entries(expected)) expect(values.get(id)).toBeCloseTo(value, 10);
});

test('an ideal ranking has 1, one without a judged document 0', () => {
  const qrels = new Map([['q', new Map(Object.entries({ a: 2, b: 1, c: 1, d: 0 }))]]);
  const ranked = (...ids: string[]) => new Map([['q', ids.map((id, i) => ({ id, score: -i }))]]);
  expect(compatibility(ranked('a', 'c', 'b'), qrels).get('q')).toBeCloseTo(1, 12);
  expect(compatibility(ranked('x', 'd'), qrels).get('q')).toBe(0);
});
