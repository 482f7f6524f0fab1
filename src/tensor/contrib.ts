/** ONNX Runtime's own operators (domain com.microsoft), used where they beat the standard ones. */
import { InvalidInputError } from '../errors.js';
import { type Graph, MICROSOFT } from './graph.js';
import { add, maxMagnitude, multiply, reciprocal } from './operators.js';
import { showShape, type Value } from './value.js';

/** Size of a quantisation block of `MatMulNBits`. */
export const BLOCK_SIZE = 32;
/** Let the kernel quantise its input to int8 as well: with the default (fp32) it is about three times slower. */
const INT8_ACCURACY = 4;

/** a · b with either side transposed on the fly; b may be a constant, which is packed once. */
export function fusedMatmul(
  graph: Graph,
  a: Value,
  b: Value,
  options: { readonly transposeA?: boolean; readonly transposeB?: boolean; readonly scale?: number } = {},
): Value {
  const { transposeA = false, transposeB = false, scale = 1 } = options;
  const [rows, innerA] = transposeA ? [a.shape.at(-1)!, a.shape.at(-2)!] : [a.shape.at(-2)!, a.shape.at(-1)!];
  const [innerB, columns] = transposeB ? [b.shape.at(-1)!, b.shape.at(-2)!] : [b.shape.at(-2)!, b.shape.at(-1)!];
  if (innerA !== innerB) {
    throw new InvalidInputError(`FusedMatMul: inner sizes differ, ${showShape(a.shape)} and ${showShape(b.shape)}`);
  }
  return graph.apply(
    'FusedMatMul',
    [a, b],
    [{ type: a.type, shape: [...a.shape.slice(0, -2), rows, columns] }],
    { transA: Number(transposeA), transB: Number(transposeB), alpha: { float: scale } },
    MICROSOFT,
  )[0]!;
}

/** x * sigmoid(x) in one kernel, which takes float32 only. */
export function fusedSilu(graph: Graph, x: Value): Value {
  const like = { type: x.type, shape: x.shape };
  return graph.apply('QuickGelu', [x], [like], { alpha: { float: 1 } }, MICROSOFT)[0]!;
}

/** A linear's weight quantised in blocks of 32 along its input: `[outFeatures, inFeatures / 32]` blocks. */
export interface BlockQuantised {
  readonly bits: 4 | 8;
  readonly outFeatures: number;
  readonly inFeatures: number;
  /** `[outFeatures, blocks, 32 * bits / 8]` */
  readonly blocks: Value;
  /** `[outFeatures * blocks]` */
  readonly scales: Value;
  /** Four bits each, two to a byte, `[outFeatures * ceil(blocks / 2)]`. Default: the middle of the range. */
  readonly zeroPoints?: Value | undefined;
}

/** x · Wᵀ for a block-quantised W. */
export function blockQuantisedMatmul(graph: Graph, x: Value, weight: BlockQuantised): Value {
  if (x.shape.at(-1) !== weight.inFeatures) {
    throw new InvalidInputError(`MatMulNBits: weight takes ${weight.inFeatures} features, got ${showShape(x.shape)}`);
  }
  return graph.apply(
    'MatMulNBits',
    [x, weight.blocks, weight.scales, ...(weight.zeroPoints ? [weight.zeroPoints] : [])],
    [{ type: x.type, shape: x.shape.with(-1, weight.outFeatures) }],
    {
      K: weight.inFeatures,
      N: weight.outFeatures,
      bits: weight.bits,
      block_size: BLOCK_SIZE,
      accuracy_level: INT8_ACCURACY,
    },
    MICROSOFT,
  )[0]!;
}

/** residual + delta, and its RMS norm, in one kernel. */
export function addRmsNorm(
  graph: Graph,
  residual: Value,
  delta: Value,
  weight: Value,
  epsilon: number,
): { readonly sum: Value; readonly normed: Value } {
  const like = { type: residual.type, shape: residual.shape };
  // Outputs 1 and 2 (mean, inverse deviation) are for training graphs of other runtimes: never filled on CPU.
  const [normed, , , sum] = graph.apply(
    'SkipSimplifiedLayerNormalization',
    [delta, residual, weight],
    [like, like, like, like],
    { epsilon: { float: epsilon } },
    MICROSOFT,
  );
  return { sum: sum!, normed: normed! };
}

/** Rotary position embedding of `[batch, sequence, heads * headSize]`, rotating halves, at `positions` `[batch, sequence]`. */
export function rotaryEmbedding(
  graph: Graph,
  x: Value,
  positions: Value,
  tables: { readonly cosine: Value; readonly sine: Value },
  heads: number,
): Value {
  return graph.apply(
    'RotaryEmbedding',
    [x, positions, tables.cosine, tables.sine],
    [{ type: x.type, shape: x.shape }],
    { num_heads: heads, interleaved: 0, rotary_embedding_dim: 0 },
    MICROSOFT,
  )[0]!;
}

export interface GroupQueryAttentionInputs {
  /** `[batch, sequence, heads * headSize]`; or queries, keys and values side by side, and no `key` and `value`. */
  readonly query: Value;
  /** `[batch, sequence, keyValueHeads * headSize]` */
  readonly key?: Value | undefined;
  readonly value?: Value | undefined;
  /** `[batch, keyValueHeads, past, headSize]` */
  readonly pastKey: Value;
  readonly pastValue: Value;
  /** int32 `[batch]`: each row's number of tokens, past and new, minus one. */
  readonly lastPositions: Value;
  /** int32 scalar in a vector of one: the longest row's number of tokens. */
  readonly total: Value;
  /** Rotary tables `[positions, headSize / 2]`: queries and keys are rotated inside. */
  readonly cosine: Value;
  readonly sine: Value;
}

/**
 * Rotation and causal attention with fewer key-value heads than query heads, over a KV cache whose rows may differ in
 * length. The new keys and values are joined to the past ones inside and not given back.
 */
export function groupQueryAttention(
  graph: Graph,
  inputs: GroupQueryAttentionInputs,
  settings: {
    readonly heads: number;
    readonly keyValueHeads: number;
    readonly headSize: number;
    readonly window?: number | undefined;
  },
): Value {
  const { query, key, value, pastKey, pastValue, lastPositions, total, cosine, sine } = inputs;
  const cache = { type: query.type, shape: pastKey.shape.with(2, 'present') };
  const shape = query.shape.with(-1, settings.heads * settings.headSize);
  return graph.apply(
    'GroupQueryAttention',
    [query, key, value, pastKey, pastValue, lastPositions, total, cosine, sine],
    [{ type: query.type, shape }, cache, cache],
    {
      num_heads: settings.heads,
      kv_num_heads: settings.keyValueHeads,
      do_rotary: 1,
      ...(settings.window === undefined ? {} : { local_window_size: settings.window }),
    },
    MICROSOFT,
  )[0]!;
}

/** A linear's weight as int8 with one scale per output feature. */
export interface ColumnQuantised {
  /** int8 `[inFeatures, outFeatures]` */
  readonly values: Value;
  /** `[outFeatures]` */
  readonly scales: Value;
}

/**
 * x · Wᵀ in integers, x quantised to int8 row by row.
 *
 * One scale per row (token), not per tensor: an outlier costs its own token some precision and no other one any, and
 * a row's result does not depend on its neighbours.
 */
export function int8Matmul(graph: Graph, x: Value, weight: ColumnQuantised): Value {
  // A row of zeros has no scale of its own; any small one keeps it at zero.
  const rowScale = add(graph, maxMagnitude(graph, x), graph.scalar(1e-20));
  const unit = multiply(graph, x, reciprocal(graph, rowScale));
  const step = graph.scalar(1 / 127);
  const zero = graph.constant('uint8', Uint8Array.of(128), [], undefined);
  const [quantised] = graph.apply('QuantizeLinear', [unit, step, zero], [{ type: 'uint8', shape: x.shape }]);
  const [product] = graph.apply(
    'MatMulIntegerToFloat',
    [quantised, weight.values, step, weight.scales, zero],
    [{ type: 'float32', shape: x.shape.with(-1, weight.scales.shape[0]!) }],
    {},
    MICROSOFT,
  );
  return multiply(graph, product!, rowScale);
}
