import { add, multiply, reciprocal, reduceMean, squareRoot, subtract } from '../operators.js';
import type { Value } from '../value.js';
import { unbroadcast } from './broadcasting.js';
import type { RuleGroup } from './rule.js';

/** Root mean square normalisation over the last axis: y = x r w with r = 1 / sqrt(mean(x^2) + epsilon). */
export const NORMALISATION_RULES: RuleGroup = {
  SimplifiedLayerNormalization: ({ graph, node, inputs, outputs, gradient }) => {
    const [x, weight] = inputs as [Value, Value];
    const epsilon = (node.attributes.epsilon as { float: number }).float;
    // The kernel's second output is r.
    const inverse = outputs[1] ?? inverseDeviation();
    function inverseDeviation(): Value {
      const square = reduceMean(graph, multiply(graph, x, x), [-1]);
      return reciprocal(graph, squareRoot(graph, add(graph, square, graph.scalar(epsilon))));
    }
    return [
      // With v = g w: r (v - x r^2 mean(v x))
      () => {
        const weighted = multiply(graph, gradient, weight);
        const share = reduceMean(graph, multiply(graph, weighted, x), [-1]);
        const along = multiply(graph, share, multiply(graph, inverse, inverse));
        return multiply(graph, subtract(graph, weighted, multiply(graph, x, along)), inverse);
      },
      () => unbroadcast(graph, multiply(graph, gradient, multiply(graph, x, inverse)), weight.shape),
    ];
  },
};
