import { describe, expect, test } from 'vitest';
import { hashIntegers, uniform } from './random.js';
import { checkSampling, sampleToken } from './sampling.js';

const none = new Set<number>();

/** How often each token is drawn over evenly spread random numbers. */
function shares(
  settings: Parameters<typeof sampleToken>[1],
  banned: ReadonlySet<number>,
  values: Float32Array,
): number[] {
  const draws = 4000;
  const counts = new Array<number>(values.length).fill(0);
  for (let i = 0; i < draws; i++) counts[sampleToken(values, settings, (i + 0.5) / draws, banned)]!++;
  return counts.map((count) => count / draws);
}

describe('sampleToken', () => {
  const probabilities = (weights: number[]) => weights.map((w) => w / weights.reduce((a, b) => a + b));
  const values = Float32Array.from([2, 5, 3, 1], Math.log);

  test('temperature 0 takes the likeliest, the first of equals', () => {
    expect(sampleToken(values, {}, 0.99, none)).toBe(1);
    expect(sampleToken(Float32Array.of(1, 4, 4), {}, 0.99, none)).toBe(1);
  });

  test('temperature 1 draws by probability', () => {
    const drawn = shares({ temperature: 1 }, none, values);
    for (const [i, p] of probabilities([2, 5, 3, 1]).entries()) expect(drawn[i]).toBeCloseTo(p, 3);
  });

  test('a lower temperature sharpens', () => {
    const drawn = shares({ temperature: 0.5 }, none, values);
    for (const [i, p] of probabilities([4, 25, 9, 1]).entries()) expect(drawn[i]).toBeCloseTo(p, 3);
  });

  test('topP keeps the fewest tokens that reach it', () => {
    // 5/11 = .45, 8/11 = .73, 10/11 = .91
    for (const [i, p] of probabilities([0, 5, 3, 0]).entries()) {
      expect(shares({ temperature: 1, topP: 0.7 }, none, values)[i]).toBeCloseTo(p, 3);
    }
    expect(shares({ temperature: 1, topP: 0.01 }, none, values)).toEqual([0, 1, 0, 0]);
  });

  test('topK keeps that many', () => {
    for (const [i, p] of probabilities([2, 5, 3, 0]).entries()) {
      expect(shares({ temperature: 1, topK: 3 }, none, values)[i]).toBeCloseTo(p, 3);
    }
  });

  test('banned tokens are never drawn', () => {
    expect(sampleToken(values, {}, 0, new Set([1]))).toBe(2);
    expect(shares({ temperature: 1 }, new Set([1]), values)[1]).toBe(0);
    expect(() => sampleToken(values, {}, 0, new Set([0, 1, 2, 3]))).toThrow('every token is banned');
  });

  test('a first banned token is not taken for the best', () => {
    expect(sampleToken(Float32Array.of(9, 1, 2), {}, 0, new Set([0]))).toBe(2);
  });
});

test.each([
  [{ temperature: -1 }, 'temperature must be a number from 0 up, got -1'],
  [{ temperature: Number.NaN }, 'temperature must be a number from 0 up, got NaN'],
  [{ topP: 0 }, 'topP must be above 0 and at most 1, got 0'],
  [{ topP: 1.1 }, 'topP must be above 0 and at most 1, got 1.1'],
  [{ topK: 0 }, 'topK must be a whole number from 1 up, got 0'],
])('%j is refused', (settings, message) => {
  expect(() => checkSampling(settings)).toThrow(message);
});

describe('keyed random numbers', () => {
  test('the key decides, and its order counts', () => {
    expect(uniform(1, 2, 3)).toBe(uniform(1, 2, 3));
    expect(uniform(1, 2, 3)).not.toBe(uniform(1, 3, 2));
    expect(hashIntegers([1, 2])).not.toBe(hashIntegers([1, 2, 0]));
  });

  test('neighbouring keys are spread evenly', () => {
    const buckets = new Array<number>(10).fill(0);
    for (let i = 0; i < 10_000; i++) buckets[Math.floor(uniform(7, 42, 0, i) * 10)]!++;
    // Expected 1000 each, deviation 30: five of them is one chance in a million.
    for (const count of buckets) expect(Math.abs(count - 1000)).toBeLessThan(150);
  });
});
