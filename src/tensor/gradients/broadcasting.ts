import type { Graph } from '../graph.js';
import { expand, reduceSum, sizesOf, squeeze } from '../operators.js';
import type { Shape, Value } from '../value.js';

/** Sums a gradient over the axes along which an operand of this shape was repeated by broadcasting. */
export function unbroadcast(graph: Graph, gradient: Value, shape: Shape): Value {
  const leading = gradient.shape.length - shape.length;
  const repeated = gradient.shape.flatMap((size, axis) => {
    const own = axis < leading ? 1 : shape[axis - leading];
    return own === 1 && (size !== 1 || axis < leading) ? [axis] : [];
  });
  const summed = repeated.length === 0 ? gradient : reduceSum(graph, gradient, repeated);
  return leading === 0
    ? summed
    : squeeze(
        graph,
        summed,
        Array.from({ length: leading }, (_, axis) => axis),
      );
}

/** Zeros of a shape, for what the loss does not depend on. */
export function zeros(graph: Graph, type: Value['type'], shape: Shape): Value {
  return expand(graph, graph.scalar(0, type === 'float64' ? 'float64' : 'float32'), sizesOf(graph, shape), shape);
}
