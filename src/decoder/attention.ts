import {
  add,
  concatenate,
  type Dimension,
  fusedMatmul,
  type Graph,
  groupQueryAttention,
  matmul,
  reshape,
  reshapeTo,
  rotaryEmbedding,
  shapeOf,
  softmax,
  transpose,
  type Value,
} from '../tensor/index.js';
import type { DecoderConfig } from './config.js';

/** One layer's new queries, keys and values, not yet rotated, and the cache of earlier keys and values. */
export interface AttentionOperands {
  /** `[batch, sequence, heads * headSize]` */
  readonly query: Value;
  /** `[batch, sequence, keyValueHeads * headSize]` */
  readonly key: Value;
  readonly value: Value;
  /** `[batch, keyValueHeads, past, headSize]`; keys are rotated. */
  readonly pastKey: Value;
  readonly pastValue: Value;
}

/** Rotary tables `[positions, headSize / 2]`. */
export interface RotaryTables {
  readonly cosine: Value;
  readonly sine: Value;
}

/** `[batch, sequence, heads * headSize]`: rotated, and causal over the cache and the new tokens. */
export type Attention = (operands: AttentionOperands) => Value;

/** The fused kernel rotates head sizes that are a multiple of 16. */
export const fusedAttentionFits = (config: DecoderConfig): boolean => config.headSize % 16 === 0;

/**
 * Attention in one kernel, which knows each row's length, so that nothing is masked by hand.
 *
 * Graph inputs: `lastPositions` int32 `[batch]`, the last new token's position in each row; `total` int32 `[1]`, the
 * tokens of the longest row.
 */
export function fusedAttention(graph: Graph, config: DecoderConfig, tables: RotaryTables): Attention {
  const lastPositions = graph.input('lastPositions', 'int32', ['batch']);
  const total = graph.input('total', 'int32', [1]);
  return (operands) =>
    groupQueryAttention(
      graph,
      { ...operands, ...tables, lastPositions, total },
      { ...config, window: config.slidingWindow },
    );
}

/**
 * The same of standard operators, for any head size.
 *
 * Graph input: `mask` float32 `[batch, 1, 1, sequence, past + sequence]`, 0 where a token may look and -1e9 where not.
 */
export function plainAttention(graph: Graph, config: DecoderConfig, tables: RotaryTables, positions: Value): Attention {
  const mask = graph.input('mask', 'float32', ['batch', 1, 1, 'sequence', 'total']);
  const { heads, keyValueHeads, headSize } = config;
  const group = heads / keyValueHeads;
  /** `[batch, sequence, count * headSize]` to `[batch, count, sequence, headSize]` */
  const toHeads = (x: Value, count: number) => {
    const shape: Dimension[] = ['batch', 'sequence', count, headSize];
    return transpose(graph, reshape(graph, x, [0, 0, count, headSize], shape), [0, 2, 1, 3]);
  };
  const visible = graph.apply('Shape', [mask], [{ type: 'int64', shape: [2] }], { start: 3, end: 5 })[0]!;
  const grouped = concatenate(graph, [graph.integers([0, keyValueHeads, group]), visible], 0, 5);
  return ({ query, key, value, pastKey, pastValue }) => {
    const rotatedKey = rotaryEmbedding(graph, key, positions, tables, keyValueHeads);
    const keys = concatenate(graph, [pastKey, toHeads(rotatedKey, keyValueHeads)], 2, 'total');
    const values = concatenate(graph, [pastValue, toHeads(value, keyValueHeads)], 2, 'total');
    // The query heads that share a key-value head become rows of one product: no key or value is repeated.
    const queries = reshape(
      graph,
      toHeads(rotaryEmbedding(graph, query, positions, tables, heads), heads),
      [0, keyValueHeads, -1, headSize],
      ['batch', keyValueHeads, 'rows', headSize],
    );
    const scores = fusedMatmul(graph, queries, keys, { transposeB: true, scale: 1 / Math.sqrt(headSize) });
    const perHead = reshapeTo(graph, scores, grouped, ['batch', keyValueHeads, group, 'sequence', 'total']);
    const weights = reshapeTo(graph, softmax(graph, add(graph, perHead, mask)), shapeOf(graph, scores), scores.shape);
    const mixed = reshape(
      graph,
      matmul(graph, weights, values),
      [0, heads, -1, headSize],
      ['batch', heads, 'sequence', headSize],
    );
    const joined: Dimension[] = ['batch', 'sequence', heads * headSize];
    return reshape(graph, transpose(graph, mixed, [0, 2, 1, 3]), [0, 0, heads * headSize], joined);
  };
}
