import { InvalidInputError } from '../errors.js';
import { BLOCK_SIZE, blockQuantisedMatmul, fusedMatmul, type Graph, int8Matmul, type Value } from '../tensor/index.js';
import { quantiseBlocks, quantiseColumns } from './quantise.js';

/**
 * How weights and products are computed, said once per model load.
 *
 * - `fp32`: exact; the reference, and the only mode whose results never depend on what shares a batch.
 * - `int8`: weights int8 per output, inputs int8 per token; the fastest for many tokens at once.
 * - `int4`: weights int4 in blocks of 32; the fastest for one token at a time, and the smallest.
 */
export type NumericMode = 'fp32' | 'int8' | 'int4';

export const NUMERIC_MODES: readonly NumericMode[] = ['fp32', 'int8', 'int4'];

/** The weight of a linear layer, `[outFeatures, inFeatures]` row-major. */
export interface LinearWeight {
  readonly name: string;
  readonly data: Float32Array;
  readonly outFeatures: number;
  readonly inFeatures: number;
}

/** x · Wᵀ, `[.., inFeatures]` to `[.., outFeatures]`, with W as a constant in the form the mode asks for. */
export function linear(graph: Graph, x: Value, weight: LinearWeight, mode: NumericMode): Value {
  const { name, data, outFeatures, inFeatures } = weight;
  if (mode === 'fp32') {
    return fusedMatmul(graph, x, graph.constant('float32', data, [outFeatures, inFeatures], name), {
      transposeB: true,
    });
  }
  if (mode === 'int8') {
    const { values, scales } = quantiseColumns(data, outFeatures, inFeatures);
    return int8Matmul(graph, x, {
      values: graph.constant('int8', values, [inFeatures, outFeatures], name),
      scales: graph.constant('float32', scales, [outFeatures], `${name}.scales`),
    });
  }
  if (inFeatures % BLOCK_SIZE !== 0) {
    throw new InvalidInputError(`${name} takes ${inFeatures} features; int4 needs a multiple of ${BLOCK_SIZE}`, {
      hint: 'Load the model in fp32 or int8.',
    });
  }
  const { blocks, scales } = quantiseBlocks(data);
  const perRow = inFeatures / BLOCK_SIZE;
  return blockQuantisedMatmul(graph, x, {
    bits: 4,
    outFeatures,
    inFeatures,
    blocks: graph.constant('uint8', blocks, [outFeatures, perRow, BLOCK_SIZE / 2], name),
    scales: graph.constant('float32', scales, [outFeatures * perRow], `${name}.scales`),
  });
}
