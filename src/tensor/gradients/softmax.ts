import { exponential, multiply, reduceSum, subtract } from '../operators.js';
import type { RuleGroup } from './rule.js';

/** Softmax and its logarithm over the last axis. */
export const SOFTMAX_RULES: RuleGroup = {
  // y (g - sum(g y))
  Softmax: ({ graph, gradient, outputs }) => [
    () => {
      const y = outputs[0]!;
      const total = reduceSum(graph, multiply(graph, gradient, y), [-1]);
      return multiply(graph, y, subtract(graph, gradient, total));
    },
  ],
  // g - exp(y) sum(g)
  LogSoftmax: ({ graph, gradient, outputs }) => [
    () => {
      const total = reduceSum(graph, gradient, [-1]);
      return subtract(graph, gradient, multiply(graph, exponential(graph, outputs[0]!), total));
    },
  ],
};
