import { expect, test } from 'vitest';
import { InvalidInputError } from '../errors.js';
import { HashingEncoder } from '../testing/hashing-encoder.js';
import { Bm25, reciprocalRankFusion } from './index.js';

const ranking = (...ids: string[]) => ids.map((id) => ({ id }));

test('adds 1 / (60 + rank) over the rankings', () => {
  const fused = reciprocalRankFusion([ranking('a', 'b', 'c'), ranking('b', 'd')]);
  expect(fused.map(({ id }) => id)).toEqual(['b', 'a', 'd', 'c']);
  expect(fused[0]!.score).toBeCloseTo(1 / 62 + 1 / 61, 12);
  expect(fused[3]!.score).toBeCloseTo(1 / 63, 12);
});

test('k and weights are settings; equal scores stand in the order of first appearance', () => {
  const rankings = [ranking('a', 'b'), ranking('b', 'a')];
  expect(reciprocalRankFusion(rankings).map(({ id }) => id)).toEqual(['a', 'b']);
  expect(reciprocalRankFusion(rankings, { weights: [1, 2] }).map(({ id }) => id)).toEqual(['b', 'a']);
  expect(reciprocalRankFusion([ranking('a')], { k: 1 })[0]!.score).toBe(0.5);
  expect(reciprocalRankFusion([])).toEqual([]);
  expect(() => reciprocalRankFusion(rankings, { weights: [1] })).toThrow(InvalidInputError);
});

test('words and vectors together find what each alone misses', () => {
  const documents = [
    { id: 'both', text: 'boil eggs in water' },
    { id: 'words', text: 'eggs eggs' },
    { id: 'neither', text: 'granite' },
  ];
  const encoder = new HashingEncoder();
  const query = 'eggs water';
  const vector = encoder.embed('boil water');
  const byVector = documents
    .map(({ id, text }) => ({
      id,
      score: encoder.embed(text).reduce((sum, value, index) => sum + value * vector[index]!, 0),
    }))
    .sort((a, b) => b.score - a.score);
  const fused = reciprocalRankFusion([new Bm25(documents).search(query, 10), byVector]);
  expect(fused[0]!.id).toBe('both');
  expect(fused).toHaveLength(3);
});
