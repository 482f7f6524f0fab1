import {
  add,
  type Dimension,
  fusedMatmul,
  type Graph,
  matmul,
  multiply,
  reduceSum,
  reshape,
  reshapeTo,
  rotaryEmbedding,
  sizesOf,
  softmax,
  subtract,
  transpose,
  type Value,
} from '../tensor/index.js';
import type { RotaryTables } from './attention.js';
import type { DecoderConfig } from './config.js';

/** Graph inputs that say where each token stands and what it sees. */
export interface TrainingLayout {
  /** int64 `[rows, sequence]`: each token's place in its own sequence. */
  readonly positions: Value;
  /** float32 `[rows, 1, 1, sequence, sequence]`: 0 where a token (fourth axis) may look, -1e9 where not. */
  readonly mask: Value;
}

/**
 * Attention over whole sequences, without a cache, with a gradient.
 *
 * The result takes queries `[tokens, heads * headSize]`, keys and values `[tokens, keyValueHeads * headSize]`, where
 * `tokens` are the `rows * sequence` places of the batch, and gives `[tokens, heads * headSize]`.
 */
export function trainingAttention(
  graph: Graph,
  config: DecoderConfig,
  tables: RotaryTables,
  layout: TrainingLayout,
): (query: Value, key: Value, value: Value) => Value {
  const { heads, keyValueHeads, headSize } = config;
  const reshaped = (x: Value, shape: readonly Dimension[]) => reshapeTo(graph, x, sizesOf(graph, shape), shape);
  /** `[tokens, count * headSize]` to `[rows, count, sequence, headSize]` */
  const toHeads = (x: Value, count: number) =>
    transpose(graph, reshaped(x, ['rows', 'sequence', count, headSize]), [0, 2, 1, 3]);
  const rotated = (x: Value, count: number) =>
    rotaryEmbedding(graph, reshaped(x, ['rows', 'sequence', count * headSize]), layout.positions, tables, count);
  return (query, key, value) => {
    const mixed = attend(
      graph,
      {
        query: toHeads(rotated(query, heads), heads),
        keys: toHeads(rotated(key, keyValueHeads), keyValueHeads),
        values: toHeads(value, keyValueHeads),
        mask: layout.mask,
      },
      config,
    );
    const joined = transpose(graph, mixed, [0, 2, 1, 3]);
    return reshape(graph, joined, [-1, heads * headSize], ['tokens', heads * headSize]);
  };
}

interface HeadOperands {
  /** `[rows, heads, sequence, headSize]` */
  readonly query: Value;
  /** `[rows, keyValueHeads, sequence, headSize]` */
  readonly keys: Value;
  readonly values: Value;
  readonly mask: Value;
}

/** softmax(scale * query keysᵀ + mask) values, `[rows, heads, sequence, headSize]`. */
function attend(graph: Graph, { query, keys, values, mask }: HeadOperands, config: DecoderConfig): Value {
  const { heads, keyValueHeads, headSize } = config;
  const scale = 1 / Math.sqrt(headSize);
  // The query heads that share a key-value head become rows of one product: no key or value is repeated.
  const grouped = (x: Value) =>
    reshape(graph, x, [0, keyValueHeads, -1, headSize], ['rows', keyValueHeads, 'groupRows', headSize]);
  const ungrouped = (x: Value) => reshape(graph, x, [0, heads, -1, headSize], ['rows', heads, 'sequence', headSize]);
  const queries = grouped(query);
  const scores = fusedMatmul(graph, queries, keys, { transposeB: true, scale });
  const perHead: Dimension[] = ['rows', keyValueHeads, heads / keyValueHeads, 'sequence', 'sequence'];
  const masked = add(graph, reshapeTo(graph, scores, sizesOf(graph, perHead), perHead), mask);
  const weights = reshape(graph, softmax(graph, masked), [0, keyValueHeads, -1, 0], scores.shape);
  const mixed = matmul(graph, weights, values);
  const result = ungrouped(mixed);
  // By hand for one saving: the softmax's sum of weight times gradient, over all keys, equals that of output times
  // gradient, over the head's few features (as in FlashAttention).
  graph.setGradient([result], {
    inputs: [query, keys, values],
    rule: ([gradient]) => {
      const dMixed = grouped(gradient!);
      const dWeights = fusedMatmul(graph, dMixed, values, { transposeB: true });
      const total = reduceSum(graph, multiply(graph, dMixed, mixed), [-1]);
      const dScores = multiply(graph, weights, subtract(graph, dWeights, total));
      return [
        () => ungrouped(fusedMatmul(graph, dScores, keys, { scale })),
        () => fusedMatmul(graph, dScores, queries, { transposeA: true, scale }),
        () => fusedMatmul(graph, weights, dMixed, { transposeA: true }),
      ];
    },
  });
  return result;
}
