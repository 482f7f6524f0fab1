import { InvalidInputError } from '../errors.js';
import { BLOCK_SIZE, blockQuantisedMatmul, fusedMatmul, type Graph, int8Matmul, type Value } from '../tensor/index.js';
import { quantiseBlocks4, quantiseBlocks8, quantiseColumns } from './quantise.js';

/**
 * How weights are held and products computed, said once per model load.
 *
 * - `fp32`: exact; the reference, and the only mode whose results never depend on what shares a batch.
 * - `int8`: eight bits a weight.
 * - `int4`: eight bits for many tokens at once (documents, prompts), four for writing token by token.
 */
export type NumericMode = 'fp32' | 'int8' | 'int4';

/** Counts changes of the arithmetic below: vectors made by another version must not be compared. */
export const NUMERICS_VERSION = 2;

export const NUMERIC_MODES: readonly NumericMode[] = ['fp32', 'int8', 'int4'];

/**
 * The form of a linear's weight.
 *
 * - `float`: fp32.
 * - `int8Rows`: one scale per output, inputs int8 with a scale per token: the fastest for many tokens.
 * - `int8Blocks`, `int4Blocks`: a scale for each 32 weights, inputs int8 likewise: the fastest for few tokens.
 */
export type WeightForm = 'float' | 'int8Rows' | 'int8Blocks' | 'int4Blocks';

/** The weight of a linear layer, `[outFeatures, inFeatures]` row-major. */
export interface LinearWeight {
  readonly name: string;
  readonly data: Float32Array;
  readonly outFeatures: number;
  readonly inFeatures: number;
}

/** x · Wᵀ, `[.., inFeatures]` to `[.., outFeatures]`, with W as a constant in the given form. */
export function linear(graph: Graph, x: Value, weight: LinearWeight, form: WeightForm): Value {
  const { name, data, outFeatures, inFeatures } = weight;
  if (form === 'float') {
    return fusedMatmul(graph, x, graph.constant('float32', data, [outFeatures, inFeatures], name), {
      transposeB: true,
    });
  }
  if (form === 'int8Rows') {
    const { values, scales } = quantiseColumns(data, outFeatures, inFeatures);
    return int8Matmul(graph, x, {
      values: graph.constant('int8', values, [inFeatures, outFeatures], name),
      scales: graph.constant('float32', scales, [outFeatures], `${name}.scales`),
    });
  }
  if (inFeatures % BLOCK_SIZE !== 0) {
    throw new InvalidInputError(
      `${name} takes ${inFeatures} features; int8 and int4 need a multiple of ${BLOCK_SIZE}`,
      { hint: 'Load the model in fp32.' },
    );
  }
  const bits = form === 'int4Blocks' ? 4 : 8;
  const perRow = inFeatures / BLOCK_SIZE;
  const four = form === 'int4Blocks' ? quantiseBlocks4(data, inFeatures) : undefined;
  const { values, scales } = four ?? quantiseBlocks8(data);
  return blockQuantisedMatmul(graph, x, {
    bits,
    outFeatures,
    inFeatures,
    blocks: graph.constant('uint8', values, [outFeatures, perRow, (BLOCK_SIZE * bits) / 8], name),
    scales: graph.constant('float32', scales, [scales.length], `${name}.scales`),
    zeroPoints: four && graph.constant('uint8', four.zeroPoints, [four.zeroPoints.length], `${name}.zeroPoints`),
  });
}
