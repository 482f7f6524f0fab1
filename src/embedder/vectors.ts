import { normalise } from '../normalise.js';

/** Pure functions of vectors. */

/** Mean of vectors of one length, scaled to length 1. */
export const normalisedMean = (vectors: readonly Float32Array[]): Float32Array => normalise(sumOf(vectors));

/**
 * The vector to search with: `instantWeight` of the instant vector and the rest of the thoughts' mean, scaled to length 1.
 *
 * The weight says how far the thoughts are not to be trusted: at 0 they alone count. Without thoughts it is the instant vector.
 *
 * @param thoughts unit vectors, one of each thought.
 */
export function finalVector(
  instant: Float32Array,
  thoughts: readonly Float32Array[],
  instantWeight: number,
): Float32Array {
  if (thoughts.length === 0) return instant;
  const sum = sumOf(thoughts);
  if (instantWeight === 0) return normalise(sum);
  const share = (1 - instantWeight) / thoughts.length;
  return normalise(sum.map((value, i) => instantWeight * instant[i]! + share * value));
}

function sumOf(vectors: readonly Float32Array[]): Float64Array {
  const sum = new Float64Array(vectors[0]!.length);
  for (const vector of vectors) {
    for (let i = 0; i < sum.length; i++) sum[i]! += vector[i]!;
  }
  return sum;
}

export function dot(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}

export const cosine = (a: ArrayLike<number>, b: ArrayLike<number>): number =>
  dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b));
