import { divide, multiply, negate, subtract, where } from '../operators.js';
import type { Value } from '../value.js';
import { unbroadcast } from './broadcasting.js';
import type { RuleContext, RuleGroup } from './rule.js';

const scalar = (x: Value, value: number, { graph }: RuleContext): Value =>
  graph.scalar(value, x.type === 'float64' ? 'float64' : 'float32');

/** The gradient of a binary operator's operand, before the axes it was repeated along are summed. */
const operand = (context: RuleContext, index: number, full: () => Value) => () =>
  unbroadcast(context.graph, full(), context.inputs[index]!.shape);

/** Operators that treat every element alone. y is the output, g its gradient. */
export const ELEMENTWISE_RULES: RuleGroup = {
  Add: (context) => [operand(context, 0, () => context.gradient), operand(context, 1, () => context.gradient)],
  Sub: (context) => [
    operand(context, 0, () => context.gradient),
    () => negate(context.graph, unbroadcast(context.graph, context.gradient, context.inputs[1]!.shape)),
  ],
  Mul: (context) => {
    const { graph, gradient, inputs } = context;
    return [
      operand(context, 0, () => multiply(graph, gradient, inputs[1]!)),
      operand(context, 1, () => multiply(graph, gradient, inputs[0]!)),
    ];
  },
  Div: (context) => {
    const { graph, gradient, inputs, outputs } = context;
    return [
      operand(context, 0, () => divide(graph, gradient, inputs[1]!)),
      // d(a/b)/db = -(a/b)/b
      operand(context, 1, () => negate(graph, divide(graph, multiply(graph, gradient, outputs[0]!), inputs[1]!))),
    ];
  },
  Neg: ({ graph, gradient }) => [() => negate(graph, gradient)],
  Exp: ({ graph, gradient, outputs }) => [() => multiply(graph, gradient, outputs[0]!)],
  Log: ({ graph, gradient, inputs }) => [() => divide(graph, gradient, inputs[0]!)],
  // g / 2y
  Sqrt: (context) => {
    const { graph, gradient, outputs } = context;
    return [() => divide(graph, multiply(graph, gradient, scalar(gradient, 0.5, context)), outputs[0]!)];
  },
  // -g y^2
  Reciprocal: ({ graph, gradient, outputs }) => [
    () => negate(graph, multiply(graph, gradient, multiply(graph, outputs[0]!, outputs[0]!))),
  ],
  // g y (1 - y)
  Sigmoid: (context) => {
    const { graph, gradient, outputs } = context;
    const y = outputs[0]!;
    return [() => multiply(graph, gradient, multiply(graph, y, subtract(graph, scalar(y, 1, context), y)))];
  },
  Where: (context) => {
    const { graph, gradient, inputs } = context;
    const zero = () => scalar(gradient, 0, context);
    return [
      undefined,
      operand(context, 1, () => where(graph, inputs[0]!, gradient, zero())),
      operand(context, 2, () => where(graph, inputs[0]!, zero(), gradient)),
    ];
  },
};
