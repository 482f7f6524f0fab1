import { normalise } from '../normalise.js';

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
  return normalise(sum);
}
