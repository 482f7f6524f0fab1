import { InvalidInputError } from '../../errors.js';
import type { Graph, GraphNode } from '../graph.js';
import { expand, multiply, reshapeTo, sizesOf } from '../operators.js';
import { showShape, type Value } from '../value.js';
import type { GradientRule, RuleGroup } from './rule.js';

/** The gradient of a sum: every summed element gets the sum's. */
function spread(graph: Graph, node: GraphNode, gradient: Value): Value {
  const x = node.inputs[0]!;
  const kept = keptShape(graph, node);
  const target = sizesOf(graph, x.shape);
  const withAxes = node.attributes.keepdims === 1 ? gradient : reshapeTo(graph, gradient, sizesOf(graph, kept), kept);
  return expand(graph, withAxes, target, x.shape);
}

/** The output's shape with the reduced axes as axes of size 1. */
function keptShape(graph: Graph, node: GraphNode): Value['shape'] {
  const x = node.inputs[0]!;
  const axes = graph.integerValues(node.inputs[1]!).map((axis) => (axis < 0 ? axis + x.shape.length : axis));
  return x.shape.map((size, axis) => (axes.includes(axis) ? 1 : size));
}

const sum: GradientRule = ({ graph, node, gradient }) => [() => spread(graph, node, gradient), undefined];

const mean: GradientRule = ({ graph, node, inputs, gradient }) => [
  () => {
    const kept = keptShape(graph, node);
    const counts = inputs[0]!.shape.filter((_, axis) => kept[axis] === 1);
    const count = counts.reduce<number>((product, size) => {
      if (typeof size !== 'number') {
        throw new InvalidInputError(`the gradient of ReduceMean takes known sizes, got ${showShape(inputs[0]!.shape)}`);
      }
      return product * size;
    }, 1);
    return spread(graph, node, multiply(graph, gradient, graph.scalar(1 / count, scalarType(gradient))));
  },
  undefined,
];

const scalarType = (x: Value): 'float32' | 'float64' => (x.type === 'float64' ? 'float64' : 'float32');

/** Sums and means over given axes. */
export const REDUCTION_RULES: RuleGroup = { ReduceSum: sum, ReduceMean: mean };
