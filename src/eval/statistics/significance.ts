import { InvalidInputError } from '../../errors.js';
import { randomStream } from './random-stream.js';

/** Two ends of a 95 % interval. */
export interface Interval {
  readonly low: number;
  readonly high: number;
}

/** How much better one system is than another over the same queries. */
export interface PairedDifference extends Interval {
  /** Mean of the first less mean of the second. */
  readonly difference: number;
  /** Two-sided p value of the randomisation test. */
  readonly p: number;
}

export interface ResamplingOptions {
  /** Permutations of the test, and samples of the bootstrap. Default 10,000. */
  readonly repetitions?: number;
  /** The same seed gives the same values. Default 0. */
  readonly seed?: number;
}

export const DEFAULT_REPETITIONS = 10_000;
/** Rounding in a sum of up to thousands of values between -1 and 1 stays far below it. */
const ROUNDING = 1e-9;

/**
 * Mean difference of two systems with its bootstrap interval, and the p value of Fisher's paired randomisation test: how often
 * is the mean difference at least as large where, for each query, a coin decides which system's value is whose.
 * (Smucker, Allan and Carterette, "A Comparison of Statistical Significance Tests for IR Evaluation", CIKM 2007.)
 *
 * The identity counts as one permutation, so that p is never 0.
 *
 * @param a values by query. @param b those of the other system, in the same order.
 */
export function pairedDifference(
  a: readonly number[],
  b: readonly number[],
  options: ResamplingOptions = {},
): PairedDifference {
  if (a.length !== b.length) {
    throw new InvalidInputError(`expected values of the same queries, got ${a.length} and ${b.length}.`);
  }
  const differences = a.map((value, i) => value - b[i]!);
  return {
    difference: average(differences),
    ...bootstrapInterval(differences, options),
    p: signFlipTest(differences, options),
  };
}

/** 95 % percentile interval of a mean over queries: queries are drawn anew, with replacement. */
export function bootstrapInterval(values: readonly number[], options: ResamplingOptions = {}): Interval {
  const { repetitions = DEFAULT_REPETITIONS, seed = 0 } = options;
  if (values.length === 0) return { low: 0, high: 0 };
  const random = randomStream(2 * seed);
  const count = values.length;
  const means = Float64Array.from({ length: repetitions }, () => {
    let sum = 0;
    for (let i = 0; i < count; i++) sum += values[Math.floor((random() / 2 ** 32) * count)]!;
    return sum / count;
  }).sort();
  const at = (share: number) => means[Math.min(repetitions - 1, Math.floor(share * repetitions))]!;
  return { low: at(0.025), high: at(0.975) };
}

function signFlipTest(
  differences: readonly number[],
  { repetitions = DEFAULT_REPETITIONS, seed = 0 }: ResamplingOptions,
) {
  // Where two systems agree the coin changes nothing.
  const moved = differences.filter((difference) => difference !== 0);
  const observed = Math.abs(sumOf(moved)) - ROUNDING;
  const random = randomStream(2 * seed + 1);
  let asLarge = 1;
  for (let repetition = 0; repetition < repetitions; repetition++) {
    let [sum, bits] = [0, 0];
    for (let i = 0; i < moved.length; i++) {
      // One number holds the coins of 32 queries.
      bits = i % 32 === 0 ? random() : bits >>> 1;
      sum += bits & 1 ? moved[i]! : -moved[i]!;
    }
    if (Math.abs(sum) >= observed) asLarge++;
  }
  return asLarge / (repetitions + 1);
}

const sumOf = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0);

export const average = (values: readonly number[]): number => (values.length === 0 ? 0 : sumOf(values) / values.length);
