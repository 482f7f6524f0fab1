/** Standard ONNX operators as functions that know their output's type and shape. */
import { InvalidInputError } from '../errors.js';
import type { Graph } from './graph.js';
import { type Dimension, type Shape, showShape, type Value } from './value.js';

/** Shape of an element-wise result under NumPy's broadcasting rules. */
export function broadcast(operator: string, a: Shape, b: Shape): Dimension[] {
  const rank = Math.max(a.length, b.length);
  return Array.from({ length: rank }, (_, i) => {
    const x = a[i - rank + a.length] ?? 1;
    const y = b[i - rank + b.length] ?? 1;
    if (x === y || y === 1) return x;
    if (x === 1) return y;
    throw new InvalidInputError(`${operator}: shapes ${showShape(a)} and ${showShape(b)} do not broadcast`);
  });
}

function elementwise(graph: Graph, operator: string, a: Value, b: Value): Value {
  if (a.type !== b.type) {
    throw new InvalidInputError(`${operator}: element types differ, ${a.type} and ${b.type}`);
  }
  return graph.apply(operator, [a, b], [{ type: a.type, shape: broadcast(operator, a.shape, b.shape) }])[0]!;
}

export const add = (graph: Graph, a: Value, b: Value): Value => elementwise(graph, 'Add', a, b);
export const subtract = (graph: Graph, a: Value, b: Value): Value => elementwise(graph, 'Sub', a, b);
export const multiply = (graph: Graph, a: Value, b: Value): Value => elementwise(graph, 'Mul', a, b);
export const divide = (graph: Graph, a: Value, b: Value): Value => elementwise(graph, 'Div', a, b);

const unary =
  (operator: string) =>
  (graph: Graph, x: Value): Value =>
    graph.apply(operator, [x], [{ type: x.type, shape: x.shape }])[0]!;

export const negate = unary('Neg');
export const absolute = unary('Abs');
export const sigmoid = unary('Sigmoid');
export const reciprocal = unary('Reciprocal');
export const exponential = unary('Exp');
export const logarithm = unary('Log');
export const squareRoot = unary('Sqrt');

/** x * sigmoid(x), the activation of every Llama-family model. */
export const silu = (graph: Graph, x: Value): Value => multiply(graph, x, sigmoid(graph, x));

/** Matrix product over the last two axes; leading axes broadcast. */
export function matmul(graph: Graph, a: Value, b: Value): Value {
  const inner = a.shape.at(-1);
  if (inner !== b.shape.at(-2)) {
    throw new InvalidInputError(`MatMul: inner sizes differ, ${showShape(a.shape)} and ${showShape(b.shape)}`);
  }
  const leading = broadcast('MatMul', a.shape.slice(0, -2), b.shape.slice(0, -2));
  return graph.apply('MatMul', [a, b], [{ type: a.type, shape: [...leading, a.shape.at(-2)!, b.shape.at(-1)!] }])[0]!;
}

export function transpose(graph: Graph, x: Value, permutation: readonly number[]): Value {
  const shape = permutation.map((axis) => x.shape[axis]!);
  return graph.apply('Transpose', [x], [{ type: x.type, shape }], { perm: permutation })[0]!;
}

/**
 * Reshape. In `target` a 0 keeps the input's size on that axis and one -1 is computed, as ONNX has it; `shape` names the
 * result.
 */
export function reshape(graph: Graph, x: Value, target: readonly number[], shape: Shape): Value {
  return graph.apply('Reshape', [x, graph.integers(target)], [{ type: x.type, shape }])[0]!;
}

/** Reshape to a shape known only at run time, an int64 vector; `shape` names the result. */
export function reshapeTo(graph: Graph, x: Value, target: Value, shape: Shape): Value {
  return graph.apply('Reshape', [x, target], [{ type: x.type, shape }])[0]!;
}

/** The shape as an int64 vector, at run time. */
export function shapeOf(graph: Graph, x: Value): Value {
  return graph.apply('Shape', [x], [{ type: 'int64', shape: [x.shape.length] }])[0]!;
}

/** Cuts `x` into pieces of the given sizes along `axis`. */
export function split(graph: Graph, x: Value, sizes: readonly number[], axis: number): Value[] {
  const at = axis < 0 ? axis + x.shape.length : axis;
  const outputs = sizes.map((size) => ({ type: x.type, shape: x.shape.with(at, size) }));
  return graph.apply('Split', [x, graph.integers(sizes)], outputs, { axis });
}

/** Joins along `axis`; `size` is the result's size there. */
export function concatenate(graph: Graph, parts: readonly Value[], axis: number, size: Dimension): Value {
  const [first] = parts;
  if (!first) throw new InvalidInputError('Concat: needs at least one value');
  const at = axis < 0 ? axis + first.shape.length : axis;
  return graph.apply('Concat', parts, [{ type: first.type, shape: first.shape.with(at, size) }], { axis })[0]!;
}

/** Softmax over the last axis. */
export function softmax(graph: Graph, x: Value): Value {
  return graph.apply('Softmax', [x], [{ type: x.type, shape: x.shape }], { axis: -1 })[0]!;
}

/** Logarithm of the softmax over the last axis. */
export function logSoftmax(graph: Graph, x: Value): Value {
  return graph.apply('LogSoftmax', [x], [{ type: x.type, shape: x.shape }], { axis: -1 })[0]!;
}

const reduction =
  (operator: string) =>
  /** Over the given axes, which stay as axes of size 1 unless `keep` is false. */
  (graph: Graph, x: Value, axes: readonly number[], keep = true): Value => {
    const reduced = new Set(axes.map((axis) => (axis < 0 ? axis + x.shape.length : axis)));
    const shape = keep
      ? x.shape.map((size, axis) => (reduced.has(axis) ? 1 : size))
      : x.shape.filter((_, axis) => !reduced.has(axis));
    const attributes = { keepdims: Number(keep) };
    return graph.apply(operator, [x, graph.integers(axes)], [{ type: x.type, shape }], attributes)[0]!;
  };

export const reduceSum = reduction('ReduceSum');
export const reduceMean = reduction('ReduceMean');

/** Inserts axes of size 1 at these places of the result. */
export function unsqueeze(graph: Graph, x: Value, axes: readonly number[]): Value {
  const shape: Dimension[] = [...x.shape];
  for (const axis of axes.toSorted((a, b) => a - b)) shape.splice(axis, 0, 1);
  return graph.apply('Unsqueeze', [x, graph.integers(axes)], [{ type: x.type, shape }])[0]!;
}

/** Drops axes of size 1. */
export function squeeze(graph: Graph, x: Value, axes: readonly number[]): Value {
  const shape = x.shape.filter((_, axis) => !axes.includes(axis));
  return graph.apply('Squeeze', [x, graph.integers(axes)], [{ type: x.type, shape }])[0]!;
}

/** Broadcasts to a shape known at run time, an int64 vector; `shape` names the result. */
export function expand(graph: Graph, x: Value, target: Value, shape: Shape): Value {
  return graph.apply('Expand', [x, target], [{ type: x.type, shape }])[0]!;
}

/** Picks rows: `x` `[n, ..]` at int64 `indices` `[m]` gives `[m, ..]`. */
export function gatherRows(graph: Graph, x: Value, indices: Value): Value {
  const shape = [...indices.shape, ...x.shape.slice(1)];
  return graph.apply('Gather', [x, indices], [{ type: x.type, shape }], { axis: 0 })[0]!;
}

/** `x` from `start` to before `end` along `axis`, whose size is known. */
export function slice(graph: Graph, x: Value, start: number, end: number, axis: number): Value {
  const size = x.shape.at(axis);
  if (typeof size !== 'number' || !(0 <= start && start < end && end <= size)) {
    throw new InvalidInputError(`slice ${start}:${end} of axis ${axis} does not fit ${showShape(x.shape)}`);
  }
  const sizes = [start, end - start, size - end];
  return split(
    graph,
    x,
    sizes.filter((length) => length > 0),
    axis,
  )[start > 0 ? 1 : 0]!;
}

/** `a` where `condition` (bool) holds, else `b`. */
export function where(graph: Graph, condition: Value, a: Value, b: Value): Value {
  const shape = broadcast('Where', condition.shape, broadcast('Where', a.shape, b.shape));
  return graph.apply('Where', [condition, a, b], [{ type: a.type, shape }])[0]!;
}

/**
 * An int64 vector of the sizes that `shape` names. A size known only at run time is read off a graph input that has it, so
 * that nothing has to be computed or kept for its shape alone.
 */
export function sizesOf(graph: Graph, shape: Shape): Value {
  if (shape.every((size) => typeof size === 'number')) return graph.integers(shape);
  const parts = shape.map((size) => {
    if (typeof size === 'number') return graph.integers([size]);
    const source = graph.inputs.find((input) => input.shape.includes(size));
    if (!source) {
      throw new InvalidInputError(`no graph input has the size "${size}" of ${showShape(shape)}`, {
        hint: 'Name the sizes of intermediate values after those of the inputs.',
      });
    }
    const axis = source.shape.indexOf(size);
    return graph.apply('Shape', [source], [{ type: 'int64', shape: [1] }], { start: axis, end: axis + 1 })[0]!;
  });
  return concatenate(graph, parts, 0, shape.length);
}

/** x / sqrt(mean(x^2) + epsilon) * weight over the last axis, one fused kernel. */
export function rmsNorm(graph: Graph, x: Value, weight: Value, epsilon: number): Value {
  return graph.apply('SimplifiedLayerNormalization', [x, weight], [{ type: x.type, shape: x.shape }], {
    axis: -1,
    epsilon: { float: epsilon },
  })[0]!;
}

/** The same where a gradient will be asked for: the kernel also gives 1 / sqrt(..), so that it is computed once. */
export function differentiableRmsNorm(graph: Graph, x: Value, weight: Value, epsilon: number): Value {
  const like = { type: x.type, shape: x.shape };
  return graph.apply('SimplifiedLayerNormalization', [x, weight], [like, { ...like, shape: x.shape.with(-1, 1) }], {
    axis: -1,
    epsilon: { float: epsilon },
  })[0]!;
}

/** Largest value over the last axis, kept as an axis of size 1. */
export function reduceMax(graph: Graph, x: Value): Value {
  const shape = x.shape.with(-1, 1);
  return graph.apply('ReduceMax', [x, graph.integers([-1])], [{ type: x.type, shape }], { keepdims: 1 })[0]!;
}

/** Largest absolute value over the last axis, kept as an axis of size 1. */
export const maxMagnitude = (graph: Graph, x: Value): Value => reduceMax(graph, absolute(graph, x));
