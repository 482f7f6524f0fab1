/** Scaled to length 1. A vector of zeros stays as it is. */
export function normalise(vector: ArrayLike<number>): Float32Array {
  let sum = 0;
  for (let i = 0; i < vector.length; i++) sum += vector[i]! * vector[i]!;
  const scale = sum === 0 ? 0 : 1 / Math.sqrt(sum);
  return Float32Array.from({ length: vector.length }, (_, i) => vector[i]! * scale);
}
