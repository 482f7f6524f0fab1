import fc from 'fast-check';
import { expect, test } from 'vitest';
import { DocumentMatrix, topOf } from './document-matrix.js';
import { chooseWeight, fuse } from './fusion.js';

const list = (...ids: string[]) => ids.map((id, i) => ({ id, score: 10 - i }));
const idsOf = (ranking: readonly { id: string }[]) => ranking.map(({ id }) => id);

test('the best k are those of a full sort, ties in the order of the corpus', () => {
  const values = fc.array(fc.integer({ min: -3, max: 3 }), { minLength: 1, maxLength: 40 });
  fc.assert(
    fc.property(values, fc.integer({ min: 1, max: 50 }), (scores, k) => {
      const ids = scores.map((_, i) => `d${i}`);
      const sorted = scores.map((score, i) => ({ id: `d${i}`, score })).sort((a, b) => b.score - a.score);
      expect(topOf(ids, Float32Array.from(scores), k)).toEqual(sorted.slice(0, k));
    }),
  );
});

test('search by inner product', () => {
  const matrix = new DocumentMatrix(
    ['x', 'y', 'both'],
    [Float32Array.of(1, 0), Float32Array.of(0, 1), Float32Array.of(0.6, 0.8)],
  );
  expect(idsOf(matrix.search(Float32Array.of(0, 1), 2))).toEqual(['y', 'both']);
  expect(matrix.search(Float32Array.of(1, 0), 3).map(({ score }) => score.toFixed(1))).toEqual(['1.0', '0.6', '0.0']);
});

test('weighted: the ends of the scale are the rankings themselves, scales do not count', () => {
  const [first, second] = [list('a', 'b', 'c'), list('c', 'd', 'a').map((d) => ({ ...d, score: 1000 * d.score }))];
  expect(idsOf(fuse({ method: 'weighted', weight: 1 }, first, second)).slice(0, 2)).toEqual(['a', 'b']);
  expect(idsOf(fuse({ method: 'weighted', weight: 0 }, first, second)).slice(0, 2)).toEqual(['c', 'd']);
  const even = fuse({ method: 'weighted', weight: 0.5 }, first, second);
  expect(Object.fromEntries(even.map(({ id, score }) => [id, score]))).toEqual({ a: 0.5, b: 0.25, c: 0.5, d: 0.25 });
});

test('an empty ranking leaves the other', () => {
  for (const method of [{ method: 'rrf' }, { method: 'weighted', weight: 0.3 }] as const) {
    expect(idsOf(fuse(method, list('a', 'b'), []))).toEqual(['a', 'b']);
    expect(idsOf(fuse(method, [], list('a', 'b')))).toEqual(['a', 'b']);
  }
});

test('the weight is the one that is best on the split', () => {
  const queryIds = ['q1', 'q2'];
  const qrels = new Map([
    ['q1', new Map([['right', 1]])],
    ['q2', new Map([['right', 1]])],
  ]);
  const good = queryIds.map(() => list('right', 'x', 'y'));
  const bad = queryIds.map(() => list('y', 'x', 'right'));
  const weightOf = (method: ReturnType<typeof chooseWeight>) =>
    method.method === 'weighted' ? method.weight : Number.NaN;
  expect(weightOf(chooseWeight(queryIds, good, bad, qrels))).toBeGreaterThanOrEqual(0.5);
  expect(weightOf(chooseWeight(queryIds, bad, good, qrels))).toBeLessThanOrEqual(0.5);
  // Where both find the same, no weight is better than another.
  expect(chooseWeight(queryIds, good, good, qrels)).toEqual({ method: 'weighted', weight: 0.5 });
});
