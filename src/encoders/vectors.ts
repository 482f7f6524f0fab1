/**
 * Mean of the rows that are no padding, scaled to length 1. A vector of zeros stays as it is.
 *
 * @param states hidden states `[rows, width, dimensions]` of a batch padded on the right
 * @param row which of the batch
 * @param length its number of tokens
 */
export function meanPool(
  states: Float32Array,
  row: number,
  length: number,
  width: number,
  dimensions: number,
): Float32Array {
  const sum = new Float64Array(dimensions);
  for (let token = 0; token < length; token++) {
    const start = (row * width + token) * dimensions;
    for (let i = 0; i < dimensions; i++) sum[i]! += states[start + i]!;
  }
  return unitVector(sum);
}

/** Scaled to length 1. A vector of zeros stays as it is. */
export function unitVector(vector: ArrayLike<number>): Float32Array {
  let squares = 0;
  for (let i = 0; i < vector.length; i++) squares += vector[i]! ** 2;
  const scale = squares === 0 ? 0 : 1 / Math.sqrt(squares);
  return Float32Array.from(vector, (value) => value * scale);
}

/**
 * Positions of sequences in batches of like length, shortest first, each of at most `mostTokens` tokens with its padding (a
 * longer sequence makes a batch of its own). It follows from the lengths alone.
 */
export function batchesOfLikeLength(lengths: readonly number[], mostTokens: number): number[][] {
  const order = [...lengths.keys()].sort((a, b) => lengths[a]! - lengths[b]! || a - b);
  const batches: number[][] = [];
  for (const position of order) {
    const last = batches.at(-1);
    if (last && (last.length + 1) * lengths[position]! <= mostTokens) last.push(position);
    else batches.push([position]);
  }
  return batches;
}
