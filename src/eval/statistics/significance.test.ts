import { expect, test } from 'vitest';
import { bootstrapInterval, pairedDifference } from './significance.js';

/** All 2^n ways to flip signs, for few queries. */
function exactP(differences: readonly number[]): number {
  const sumWith = (flips: number) =>
    differences.reduce((sum, difference, i) => sum + (flips & (1 << i) ? -difference : difference), 0);
  const all = Array.from({ length: 2 ** differences.length }, (_, flips) => Math.abs(sumWith(flips)));
  return all.filter((sum) => sum >= all[0]! - 1e-12).length / all.length;
}

test('p is near that of all permutations', () => {
  const a = [0.9, 0.8, 0.4, 0.7, 1, 0.5, 0.6, 0.3, 0.8, 0.9];
  const b = [0.5, 0.9, 0.1, 0.6, 0.4, 0.5, 0.2, 0.4, 0.3, 0.6];
  const { difference, p, low, high } = pairedDifference(a, b);
  expect(difference).toBeCloseTo(0.24, 12);
  // Standard error with 10,000 permutations: sqrt(0.02 * 0.98 / 10,000) = 0.0014.
  expect(Math.abs(p - exactP(a.map((value, i) => value - b[i]!)))).toBeLessThan(0.006);
  expect(low).toBeGreaterThan(0);
  expect(low).toBeLessThan(0.24);
  expect(high).toBeGreaterThan(0.24);
});

test('equal systems: no difference, p is 1', () => {
  expect(pairedDifference([0.2, 0.7, 1], [0.2, 0.7, 1])).toEqual({ difference: 0, low: 0, high: 0, p: 1 });
});

test('no effect: p is spread evenly', () => {
  let [below, state] = [0, 1];
  const noise = () => {
    state = (state * 48_271) % 2_147_483_647; // MINSTD
    return state / 2_147_483_647;
  };
  for (let trial = 0; trial < 200; trial++) {
    const a = Array.from({ length: 40 }, noise);
    const b = Array.from({ length: 40 }, noise);
    if (pairedDifference(a, b, { repetitions: 500, seed: trial }).p < 0.1) below++;
  }
  // Binomial with 200 trials of 0.1: 20, standard deviation 4.2.
  expect(below).toBeGreaterThan(5);
  expect(below).toBeLessThan(37);
});

test('the same seed gives the same values, another one others', () => {
  const a = Array.from({ length: 60 }, (_, i) => Math.sin(i) ** 2);
  const b = Array.from({ length: 60 }, (_, i) => Math.cos(1.3 * i) ** 2);
  expect(pairedDifference(a, b, { seed: 3 })).toEqual(pairedDifference(a, b, { seed: 3 }));
  expect(pairedDifference(a, b, { seed: 3 }).low).not.toBe(pairedDifference(a, b, { seed: 4 }).low);
});

test('the interval has the width that the standard error gives', () => {
  const values = Array.from({ length: 200 }, (_, i) => (i % 2 === 0 ? 1 : 0));
  const { low, high } = bootstrapInterval(values);
  // 1.96 * 0.5 / sqrt(200) = 0.0693.
  expect(0.5 - low).toBeCloseTo(0.0693, 1);
  expect(high - 0.5).toBeCloseTo(0.0693, 1);
  expect(Math.abs(high - low - 2 * 0.0693)).toBeLessThan(0.012);
});

test('p is never 0: the labels as they are count among the permutations', () => {
  const [ones, zeros] = [new Array<number>(40).fill(1), new Array<number>(40).fill(0)];
  expect(pairedDifference(ones, zeros, { repetitions: 99 }).p).toBe(0.01);
});
