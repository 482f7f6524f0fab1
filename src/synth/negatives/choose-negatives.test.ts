import { expect, test } from 'vitest';
import { chooseNegatives, negativeSettings } from './choose-negatives.js';

/** Eight documents; the first is the positive. The committee's mean cosines, and one member's own scores. */
const teacher = Float64Array.of(0.8, 0.79, 0.76, 0.75, 0.5, 0.4, 0.3, 0);
const miner = Float64Array.of(0.7, 0.9, 0.6, 0.5, 0.4, 0.3, 0.2, 0);
const relevant = { positives: [0], copies: [] as number[] };
const choose = (settings: Parameters<typeof negativeSettings>[0], own = relevant, miners = [miner]) =>
  chooseNegatives('q', miners, teacher, own, negativeSettings({ ranks: [1, 8], ...settings }));

test('what scores over the share of the positive is left out and counted, what scores just that is not', () => {
  // 0.95 of 0.8 is 0.76: document 1 is a near-positive. A document without a score is no hit.
  expect(choose({ share: 0.95 })).toEqual({ negatives: [2, 3, 4, 5, 6], nearPositives: 1 });
  expect(choose({ share: 0.6 })).toEqual({ negatives: [5, 6], nearPositives: 4 });
  expect(choose({ share: 2 })).toEqual({ negatives: [1, 2, 3, 4, 5, 6], nearPositives: 0 });
});

test('several positives are measured by their mean, and none of them nor a copy is taken', () => {
  // The mean of 0.8 and 0.3 is 0.55.
  expect(choose({ share: 1 }, { positives: [0, 6], copies: [5] })).toEqual({ negatives: [4], nearPositives: 3 });
});

test('a positive below 0 is its own limit', () => {
  const below = Float64Array.of(-0.2, -0.1, -0.3, -0.4, 0, 0, 0, 0);
  const found = chooseNegatives('q', [miner], below, relevant, negativeSettings({ ranks: [1, 4], share: 0.95 }));
  expect(found).toEqual({ negatives: [2, 3], nearPositives: 1 });
});

test('ranks count the positive in its place; the hits of several members are put together', () => {
  // The member's order is 1, 0, 2, 3, 4, 5, 6.
  expect(choose({ ranks: [3, 4] }).negatives).toEqual([2, 3]);
  const other = Float64Array.from(miner).reverse();
  // The other's order is 6, 7, 5, 4, 3, 2, 1.
  expect(choose({ ranks: [3, 4] }, relevant, [miner, other]).negatives).toEqual([2, 3, 4, 5]);
});

test('count and pick: the top by teacher, or a sample that follows from seed and query', () => {
  expect(choose({ count: 2, pick: 'top' }).negatives).toEqual([2, 3]);
  const samples = Array.from({ length: 20 }, (_, seed) => choose({ count: 2, seed }).negatives.join());
  expect(new Set(samples).size).toBeGreaterThan(3);
  expect(choose({ count: 2, seed: 3 }).negatives.join()).toBe(samples[3]);
});

test('settings that make no sense are refused', () => {
  expect(() => negativeSettings({ count: 0 })).toThrow(/count must be a whole number from 1 up, got 0/);
  expect(() => negativeSettings({ share: 0 })).toThrow(/share must be above 0/);
  expect(() => negativeSettings({ ranks: [0, 3] })).toThrow(/ranks must be two whole numbers/);
});
