/** Euclidean norm of all numbers, summed in order in fp64. */
export function globalNorm(gradient: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < gradient.length; i++) sum += gradient[i]! * gradient[i]!;
  return Math.sqrt(sum);
}

/** Scales the gradient, in place, so that its norm is at most `limit`; returns the norm it had. */
export function clipGlobalNorm(gradient: Float32Array, limit: number): number {
  const norm = globalNorm(gradient);
  // PyTorch's small addend, so that both clip alike.
  const factor = limit / (norm + 1e-6);
  if (factor < 1) for (let i = 0; i < gradient.length; i++) gradient[i]! *= factor;
  return norm;
}
