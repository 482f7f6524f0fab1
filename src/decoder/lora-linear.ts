import { add, fusedMatmul, type Graph, matmul, type Value } from '../tensor/index.js';

/** A linear that a low-rank adapter trains (LoRA, Hu et al. 2021). All are graph inputs. */
export interface LoraLinear {
  /** `[outFeatures, inFeatures]`, frozen */
  readonly weight: Value;
  /** `[rank, inFeatures]` */
  readonly a: Value;
  /** `[outFeatures, rank]` */
  readonly b: Value;
  /** alpha / rank */
  readonly scale: number;
}

/**
 * x · (W + scale * B A)ᵀ, `[tokens, inFeatures]` to `[tokens, outFeatures]`.
 *
 * The adapter is merged into the weight first, so that one product a pass runs over the tokens instead of three. The
 * gradient is given by hand: A and B get theirs from the small products x Aᵀ and dy B, the weight none. `again` records x
 * for the backward pass, where it is to be computed once more instead of kept.
 */
export function loraLinear(
  graph: Graph,
  x: Value,
  { weight, a, b, scale }: LoraLinear,
  again: () => Value = () => x,
): Value {
  const merged = add(graph, weight, fusedMatmul(graph, b, a, { scale }));
  const y = fusedMatmul(graph, x, merged, { transposeB: true });
  graph.setGradient([y], {
    inputs: [x, a, b],
    rule: ([gradient]) => {
      const dy = gradient!;
      let recomputed: Value | undefined;
      const input = () => {
        recomputed ??= again();
        return recomputed;
      };
      return [
        () => matmul(graph, dy, merged),
        () => fusedMatmul(graph, matmul(graph, dy, b), input(), { transposeA: true, scale }),
        () => {
          const reduced = fusedMatmul(graph, input(), a, { transposeB: true });
          return fusedMatmul(graph, dy, reduced, { transposeA: true, scale });
        },
      ];
    },
  });
  return y;
}
