import { uniform } from '../decoder/index.js';
import type { ParameterSet } from './parameters.js';

export interface LoraDropout {
  /** Share of the input features that are left out; 0 leaves all in. */
  readonly share: number;
  /** Of the random numbers: the same key leaves out the same features. */
  readonly key: readonly number[];
}

/**
 * Takes a step with dropout on the input of the adapter's branch: features that A does not see, drawn for each linear, the
 * same for all tokens of the step (Gal and Ghahramani 2016). Leaving out a feature of A's input is leaving out a column of A, so
 * that the adapter can still be merged into the weight; the columns that stay are scaled up to keep the mean.
 *
 * `step` sees the changed parameters and puts its gradient into `gradients`, which becomes that of the parameters themselves.
 * However the step ends, the parameters are as they were.
 */
export async function withLoraDropout<T>(
  parameters: ParameterSet,
  gradients: ParameterSet,
  { share, key }: LoraDropout,
  step: () => Promise<T>,
): Promise<T> {
  if (share === 0) return step();
  const before = parameters.data.slice();
  const masks = parameters.shapes.flatMap(({ name, shape }, index) => {
    if (!name.endsWith('lora_A.weight')) return [];
    const mask = Float32Array.from({ length: shape[1]! }, (_, feature) =>
      uniform(...key, index, feature) < share ? 0 : 1 / (1 - share),
    );
    return [{ name, mask }];
  });
  try {
    for (const { name, mask } of masks) scaleColumns(parameters.view(name), mask);
    const result = await step();
    for (const { name, mask } of masks) scaleColumns(gradients.view(name), mask);
    return result;
  } finally {
    parameters.data.set(before);
  }
}

/** Multiplies each row of a row-major matrix by `factors`. */
function scaleColumns(matrix: Float32Array, factors: Float32Array): void {
  for (let i = 0; i < matrix.length; i++) matrix[i]! *= factors[i % factors.length]!;
}
