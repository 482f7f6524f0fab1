import { add, fusedSilu, type Graph, multiply, sigmoid, subtract, type Value } from '../tensor/index.js';

/**
 * silu(gate) * up, the gated activation of Llama's feed-forward part, with its gradient by hand: these are the widest
 * tensors of a layer, and each operator passes over all of them.
 */
export function swiGlu(graph: Graph, gate: Value, up: Value): Value {
  const activated = fusedSilu(graph, gate);
  const y = multiply(graph, activated, up);
  graph.setGradient([y], {
    inputs: [gate, up],
    rule: ([gradient]) => [
      // With s the sigmoid, silu' = s + silu * (1 - s).
      () => {
        const dActivated = multiply(graph, gradient!, up);
        const direct = multiply(graph, dActivated, sigmoid(graph, gate));
        return add(graph, direct, multiply(graph, activated, subtract(graph, dActivated, direct)));
      },
      () => multiply(graph, gradient!, activated),
    ],
  });
  return y;
}
