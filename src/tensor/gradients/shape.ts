import { InvalidInputError } from '../../errors.js';
import { fusedMatmul } from '../contrib.js';
import type { Graph } from '../graph.js';
import { concatenate, reshapeTo, sizesOf, transpose } from '../operators.js';
import { type Shape, showShape, type Value } from '../value.js';
import { unbroadcast } from './broadcasting.js';
import type { RuleGroup } from './rule.js';

/** A gradient in the shape that its value had. One unknown size needs no look at it at run time. */
function restore(graph: Graph, gradient: Value, shape: Shape): Value {
  const unknown = shape.filter((size) => typeof size !== 'number').length;
  const target =
    unknown > 1 ? sizesOf(graph, shape) : graph.integers(shape.map((size) => (typeof size === 'number' ? size : -1)));
  return reshapeTo(graph, gradient, target, shape);
}

/** Operators that only move elements. */
export const SHAPE_RULES: RuleGroup = {
  Identity: ({ gradient }) => [() => gradient],
  Reshape: ({ graph, gradient, inputs }) => [() => restore(graph, gradient, inputs[0]!.shape), undefined],
  Squeeze: ({ graph, gradient, inputs }) => [() => restore(graph, gradient, inputs[0]!.shape), undefined],
  Unsqueeze: ({ graph, gradient, inputs }) => [() => restore(graph, gradient, inputs[0]!.shape), undefined],
  Expand: ({ graph, gradient, inputs }) => [() => unbroadcast(graph, gradient, inputs[0]!.shape), undefined],
  Transpose: ({ graph, node, gradient }) => {
    const permutation = node.attributes.perm as readonly number[];
    return [
      () =>
        transpose(
          graph,
          gradient,
          permutation.map((_, axis) => permutation.indexOf(axis)),
        ),
    ];
  },
  Split: ({ graph, node, inputs, outputs, outputGradient }) => {
    const axis = node.attributes.axis as number;
    const parts = () => outputs.map((_, i) => outputGradient(i));
    return [() => concatenate(graph, parts(), axis, inputs[0]!.shape.at(axis)!), undefined];
  },
  Concat: ({ graph, node, inputs, gradient }) => {
    const axis = node.attributes.axis as number;
    // One split serves all parts, and is recorded when the first of them is wanted.
    let pieces: Value[] | undefined;
    const split = () => {
      const sizes = sizesOf(
        graph,
        inputs.map((part) => part.shape.at(axis)!),
      );
      return graph.apply('Split', [gradient, sizes], inputs, { axis });
    };
    return inputs.map((_, i) => () => {
      pieces ??= split();
      return pieces[i]!;
    });
  },
  // Row i of x gets the gradients of all rows that were picked from it: a product with a one-hot matrix, whose order of
  // summation is fixed (a scatter's is not).
  Gather: ({ graph, node, inputs, gradient }) => {
    const [x, indices] = inputs as [Value, Value];
    if (x.shape.length !== 2 || indices.shape.length !== 1 || node.attributes.axis !== 0) {
      throw new InvalidInputError(
        `the gradient of Gather takes rows of a matrix, got ${showShape(x.shape)} at ${showShape(indices.shape)}`,
      );
    }
    const oneHot = () => {
      const values = graph.constant('float32', Float32Array.of(0, 1), [2]);
      const like = { type: x.type, shape: [...indices.shape, x.shape[0]!] };
      return graph.apply('OneHot', [indices, sizesOf(graph, [x.shape[0]!]), values], [like], { axis: -1 })[0]!;
    };
    return [() => fusedMatmul(graph, oneHot(), gradient, { transposeA: true }), undefined];
  },
};
