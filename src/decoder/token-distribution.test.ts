import { expect, test } from 'vitest';
import { InvalidInputError } from '../errors.js';
import { uniform } from './random.js';
import { tokenDistribution } from './token-distribution.js';

const none: ReadonlySet<number> = new Set();

test('equal logits: the entropy is that of a fair die, whatever their height', () => {
  for (const height of [0, -80, 700]) {
    const { entropy, topProbability, logNormaliser } = tokenDistribution(new Float32Array(6).fill(height), none);
    expect(entropy).toBeCloseTo(Math.log(6), 10);
    expect(topProbability).toBeCloseTo(1 / 6, 10);
    expect(height - logNormaliser).toBeCloseTo(Math.log(1 / 6), 10);
  }
});

test('is the softmax of plain loops; banned tokens have no share', () => {
  const logits = Float32Array.from({ length: 200 }, (_, i) => 12 * uniform(i));
  const banned = new Set([199, 3, 1000, logits.indexOf(Math.max(...logits))]);
  const allowed = [...logits].filter((_, id) => !banned.has(id));
  const sum = allowed.reduce((total, logit) => total + Math.exp(logit), 0);
  const probabilities = allowed.map((logit) => Math.exp(logit) / sum);
  const { entropy, topProbability, logNormaliser } = tokenDistribution(logits, banned);
  expect(topProbability).toBeCloseTo(Math.max(...probabilities), 6);
  expect(entropy).toBeCloseTo(-probabilities.reduce((total, p) => total + p * Math.log(p), 0), 5);
  expect(Math.exp(logits[7]! - logNormaliser)).toBeCloseTo(Math.exp(logits[7]!) / sum, 6);
});

test('a certain token has no entropy', () => {
  const { entropy, topProbability } = tokenDistribution(Float32Array.of(-50, 100, -50), none);
  expect([entropy, topProbability]).toEqual([0, 1]);
});

test('no token left is an error', () => {
  expect(() => tokenDistribution(Float32Array.of(1, 2), new Set([0, 1]))).toThrow(InvalidInputError);
});
