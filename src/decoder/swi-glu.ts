import { add, fusedSilu, type Graph, multiply, sigmoid, subtract, type Value } from '../tensor/index.js';

/**
 * silu(gate) * up, the gated activation of Llama's feed-forward part, with its gradient by hand: these are the widest
 * tensors of a layer, and each operator passes over all of them.
 *
 * Only gate and up are kept for the backward pass, not the two results: there they are computed once more, by other
 * operators (the runtime would recognise the same ones and keep them). `again` records that for y.
 */
export function swiGlu(graph: Graph, gate: Value, up: Value): { readonly y: Value; readonly again: () => Value } {
  const y = multiply(graph, fusedSilu(graph, gate), up);
  let parts: { readonly slope: Value; readonly activated: Value } | undefined;
  const recompute = () => {
    if (!parts) {
      const slope = sigmoid(graph, gate);
      parts = { slope, activated: multiply(graph, gate, slope) };
    }
    return parts;
  };
  graph.setGradient([y], {
    inputs: [gate, up],
    rule: ([gradient]) => [
      // With s the sigmoid, silu' = s + silu * (1 - s).
      () => {
        const { slope, activated } = recompute();
        const dActivated = multiply(graph, gradient!, up);
        const direct = multiply(graph, dActivated, slope);
        return add(graph, direct, multiply(graph, activated, subtract(graph, dActivated, direct)));
      },
      () => multiply(graph, gradient!, recompute().activated),
    ],
  });
  return { y, again: () => multiply(graph, up, recompute().activated) };
}
