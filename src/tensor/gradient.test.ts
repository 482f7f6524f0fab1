import { describe, expect, test } from 'vitest';
import { fusedMatmul, rotaryEmbedding } from './contrib.js';
import { backpropagate, differentiate } from './gradient.js';
import { Graph } from './graph.js';
import * as op from './operators.js';
import { Session } from './session.js';
import { type ElementType, type Shape, type Tensor, type TypedArrays, tensor, type Value } from './value.js';

/** Sizes behind the names, so that every case runs with sizes unknown to the graph. */
const SIZES: Record<string, number> = { batch: 2, sequence: 3, rows: 4, picked: 5 };
const sizeOf = (shape: Shape) => shape.map((size) => (typeof size === 'number' ? size : SIZES[size]!));
const count = (shape: readonly number[]) => shape.reduce((product, n) => product * n, 1);

interface Case {
  readonly name: string;
  readonly shapes: Readonly<Record<string, Shape>>;
  readonly build: (graph: Graph, inputs: Record<string, Value>) => Value;
  /** float32 where ONNX Runtime's kernel takes nothing else; the step is then longer and the tolerance wider. */
  readonly type?: 'float32';
  /** Draws inputs from [0.5, 1.5] instead of [-1, 1]. */
  readonly positive?: boolean;
}

const x = ['batch', 'sequence', 4] as const;
const unary = (name: string, build: Case['build'], options: Partial<Case> = {}): Case => ({
  name,
  shapes: { x },
  build,
  ...options,
});
const binary = (name: string, operator: typeof op.add, b: Shape, options: Partial<Case> = {}): Case => ({
  name: `${name} [batch, sequence, 4] and [${b}]`,
  shapes: { x, b },
  build: (graph, { x, b }) => operator(graph, x!, b!),
  ...options,
});

const CASES: readonly Case[] = [
  ...[x, ['sequence', 4], ['batch', 1, 4], [4], [1], []].flatMap((shape) => [
    binary('Add', op.add, shape),
    binary('Sub', op.subtract, shape),
    binary('Mul', op.multiply, shape),
    binary('Div', op.divide, shape, { positive: true }),
  ]),
  { name: 'Mul, small one first', shapes: { x: [4], b: x }, build: (graph, { x, b }) => op.multiply(graph, x!, b!) },
  unary('Neg', (graph, { x }) => op.negate(graph, x!)),
  unary('Exp', (graph, { x }) => op.exponential(graph, x!)),
  unary('Log', (graph, { x }) => op.logarithm(graph, x!), { positive: true }),
  unary('Sqrt', (graph, { x }) => op.squareRoot(graph, x!), { positive: true }),
  unary('Reciprocal', (graph, { x }) => op.reciprocal(graph, x!), { positive: true }),
  unary('Sigmoid', (graph, { x }) => op.sigmoid(graph, x!)),
  unary('silu', (graph, { x }) => op.silu(graph, x!), { type: 'float32' }),
  unary('a value used three times', (graph, { x }) => op.multiply(graph, op.add(graph, x!, x!), x!)),
  {
    name: 'Where with broadcasting',
    shapes: { x, b: [4] },
    build: (graph, { x, b }) => {
      const condition = graph.constant('bool', Uint8Array.of(1, 0, 0, 1), [4]);
      return op.where(graph, condition, x!, b!);
    },
  },
  {
    name: 'MatMul',
    shapes: { x, b: [4, 5] },
    build: (graph, { x, b }) => op.matmul(graph, x!, b!),
  },
  {
    name: 'MatMul in a batch',
    shapes: { x: ['batch', 'rows', 'sequence'], b: ['batch', 'sequence', 5] },
    build: (graph, { x, b }) => op.matmul(graph, x!, b!),
  },
  ...[false, true].flatMap((transposeA) =>
    [false, true].map(
      (transposeB): Case => ({
        name: `FusedMatMul${transposeA ? ', a transposed' : ''}${transposeB ? ', b transposed' : ''}`,
        type: 'float32',
        shapes: {
          x: transposeA ? ['batch', 'sequence', 4] : ['batch', 4, 'sequence'],
          b: transposeB ? ['batch', 5, 'sequence'] : ['batch', 'sequence', 5],
        },
        build: (graph, { x, b }) => fusedMatmul(graph, x!, b!, { transposeA, transposeB, scale: 0.7 }),
      }),
    ),
  ),
  unary('Transpose', (graph, { x }) => op.transpose(graph, x!, [2, 0, 1])),
  unary('Reshape that joins unknown sizes', (graph, { x }) => op.reshape(graph, x!, [-1, 2], ['pairs', 2])),
  unary('Reshape', (graph, { x }) => op.reshape(graph, x!, [0, 0, 2, 2], ['batch', 'sequence', 2, 2])),
  unary('Unsqueeze', (graph, { x }) => op.unsqueeze(graph, x!, [1, 3])),
  {
    name: 'Squeeze',
    shapes: { x: ['batch', 1, 4] },
    build: (graph, { x }) => op.squeeze(graph, x!, [1]),
  },
  {
    name: 'Expand',
    shapes: { x: ['batch', 1, 4], b: x },
    build: (graph, { x, b }) => op.multiply(graph, op.expand(graph, x!, op.shapeOf(graph, b!), b!.shape), b!),
  },
  unary('Split, all pieces', (graph, { x }) => {
    const [a, b] = op.split(graph, x!, [1, 3], -1);
    return op.multiply(graph, a!, b!);
  }),
  unary('Split, the first piece unused', (graph, { x }) => op.split(graph, x!, [1, 3], -1)[1]!),
  unary('slice', (graph, { x }) => op.slice(graph, x!, 1, 3, 2)),
  {
    name: 'Concat',
    shapes: { x, b: ['batch', 'sequence', 2] },
    build: (graph, { x, b }) => op.concatenate(graph, [b!, x!, b!], -1, 8),
  },
  {
    name: 'Gather, rows picked twice and never',
    type: 'float32',
    shapes: { x: ['rows', 4] },
    build: (graph, { x }) => {
      const indices = graph.constant('int64', BigInt64Array.of(2n, 0n, 2n, 1n, 2n), [5]);
      return op.gatherRows(graph, x!, indices);
    },
  },
  ...[true, false].flatMap((keep) => [
    unary(`ReduceSum, axes ${keep ? 'kept' : 'dropped'}`, (graph, { x }) => op.reduceSum(graph, x!, [0, -1], keep)),
    unary(`ReduceMean, axis ${keep ? 'kept' : 'dropped'}`, (graph, { x }) => op.reduceMean(graph, x!, [-1], keep)),
  ]),
  unary('Softmax', (graph, { x }) => op.softmax(graph, x!)),
  unary('LogSoftmax', (graph, { x }) => op.logSoftmax(graph, x!)),
  {
    name: 'SimplifiedLayerNormalization',
    type: 'float32',
    shapes: { x, weight: [4] },
    build: (graph, { x, weight }) => op.rmsNorm(graph, x!, weight!, 1e-2),
  },
  {
    name: 'SimplifiedLayerNormalization with its second output',
    type: 'float32',
    shapes: { x, weight: [4] },
    build: (graph, { x, weight }) => op.differentiableRmsNorm(graph, x!, weight!, 1e-2),
  },
  {
    name: 'RotaryEmbedding',
    type: 'float32',
    shapes: { x: ['batch', 'sequence', 32] },
    build: (graph, { x }) => {
      const angles = Array.from({ length: 7 * 8 }, (_, i) => Math.floor(i / 8) * 10 ** -(i % 8));
      const table = (f: (angle: number) => number) => graph.constant('float32', Float32Array.from(angles, f), [7, 8]);
      const positions = graph.constant('int64', BigInt64Array.of(0n, 1n, 2n, 4n, 5n, 6n), [2, 3]);
      return rotaryEmbedding(graph, x!, positions, { cosine: table(Math.cos), sine: table(Math.sin) }, 2);
    },
  },
];

/** A fixed sequence of numbers in [-1, 1) without pattern (linear congruential, constants of Numerical Recipes). */
function noise(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 31 - 1;
  };
}

const make = (type: ElementType, values: readonly number[], shape: readonly number[]): Tensor =>
  tensor(type, (type === 'float64' ? Float64Array : Float32Array).from(values) as TypedArrays['float32'], shape);

describe('each gradient rule agrees with finite differences', () => {
  test.each(CASES.map((testCase, i) => [testCase.name, testCase, i] as const))('%s', async (_, testCase, seed) => {
    const type = testCase.type ?? 'float64';
    // Central differences: the error is of the order of step^2, and of rounding over the step.
    const [step, tolerance] = type === 'float64' ? [1e-5, 1e-8] : [1e-2, 2e-3];
    const draw = noise(seed + 1);
    const graph = new Graph();
    // Names the sizes that only appear in results.
    graph.input('sizes', type, ['batch', 'sequence', 'rows']);
    const inputs = Object.fromEntries(
      Object.entries(testCase.shapes).map(([name, shape]) => [name, graph.input(name, type, shape)]),
    );
    const result = testCase.build(graph, inputs);
    // Any loss will do whose gradient differs from element to element: a product with fixed numbers.
    const weights = graph.input('weights', type, ['elements']);
    const flat = op.reshape(graph, result, [-1], ['elements']);
    const loss = op.reduceSum(graph, op.multiply(graph, flat, weights), [0], false);
    const variables = Object.values(inputs);
    graph.output('loss', loss);
    differentiate(graph, loss, variables).forEach((gradient, i) => {
      expect(gradient.shape).toEqual(variables[i]!.shape);
      graph.output(`gradient of ${variables[i]!.name}`, gradient);
    });
    const session = await Session.create(graph);
    const values = Object.fromEntries(
      variables.map(({ name, shape }) => {
        const numbers = Array.from({ length: count(sizeOf(shape)) }, () =>
          testCase.positive ? 1 + draw() / 2 : draw(),
        );
        return [name, numbers];
      }),
    );
    const shape = await resultSize(testCase, type, values);
    const factors = Array.from({ length: shape }, draw);
    const run = (changed: Record<string, number[]>) =>
      session.run({
        sizes: make(type, new Array(24).fill(0), [2, 3, 4]),
        weights: make(type, factors, [factors.length]),
        ...Object.fromEntries(
          variables.map(({ name, shape }) => [name, make(type, changed[name]!, sizeOf(shape))] as const),
        ),
      });
    const analytic = await run(values);
    for (const { name, shape } of variables) {
      const gradient = analytic[`gradient of ${name}`]!;
      expect(gradient.shape).toEqual(sizeOf(shape));
      for (let i = 0; i < values[name]!.length; i++) {
        const at = async (offset: number) => {
          const moved = values[name]!.with(i, values[name]![i]! + offset);
          return Number((await run({ ...values, [name]: moved })).loss!.data[0]);
        };
        const difference = ((await at(step)) - (await at(-step))) / (2 * step);
        expect(Math.abs(Number(gradient.data[i]) - difference), `${name}[${i}]`).toBeLessThan(tolerance);
      }
    }
    await session.release();
  });
});

async function resultSize(testCase: Case, type: 'float32' | 'float64', values: Record<string, number[]>) {
  const graph = new Graph();
  graph.input('sizes', type, ['batch', 'sequence', 'rows']);
  const inputs = Object.entries(testCase.shapes).map(([name, shape]) => graph.input(name, type, shape));
  graph.output('result', testCase.build(graph, Object.fromEntries(inputs.map((input) => [input.name, input]))));
  const session = await Session.create(graph);
  const { result } = await session.run({
    sizes: make(type, new Array(24).fill(0), [2, 3, 4]),
    ...Object.fromEntries(inputs.map(({ name, shape }) => [name, make(type, values[name]!, sizeOf(shape))] as const)),
  });
  await session.release();
  return result!.data.length;
}

describe('differentiate', () => {
  const scalarInput = (graph: Graph, name: string) => graph.input(name, 'float32', []);
  const feed = (value: number) => tensor('float32', Float32Array.of(value), []);

  test('an operator without a rule is named with its shapes', () => {
    const graph = new Graph();
    const value = graph.input('x', 'float32', ['batch', 4]);
    const loss = op.reduceSum(graph, op.absolute(graph, value), [0, 1], false);
    expect(() => differentiate(graph, loss, [value])).toThrow('no gradient rule for Abs ([batch, 4] to [batch, 4])');
  });

  test('operators that do not lead to a variable need no rule', async () => {
    const graph = new Graph();
    const [a, b] = [scalarInput(graph, 'a'), scalarInput(graph, 'b')];
    const loss = op.multiply(graph, a, op.absolute(graph, b));
    graph.output('gradient', differentiate(graph, loss, [a])[0]!);
    const session = await Session.create(graph);
    expect((await session.run({ a: feed(2), b: feed(-3) })).gradient!.data[0]).toBe(3);
  });

  test('a loss that is no scalar, and a variable it does not depend on, are errors', () => {
    const graph = new Graph();
    const value = graph.input('x', 'float32', [4]);
    const other = graph.input('y', 'float32', [2]);
    expect(() => differentiate(graph, value, [value])).toThrow('scalar loss, got shape [4]');
    const loss = op.reduceSum(graph, value, [0], false);
    expect(() => differentiate(graph, loss, [other])).toThrow('nothing differentiated depends on "y" [2]');
  });

  test('a gradient given by hand replaces what stands between', async () => {
    const graph = new Graph();
    const [a, b] = [scalarInput(graph, 'a'), scalarInput(graph, 'b')];
    // |a| has no rule, and b is not even an input of it.
    const magnitude = op.absolute(graph, a);
    graph.setGradient([magnitude], {
      inputs: [a, b],
      rule: ([gradient]) => [() => op.multiply(graph, gradient!, graph.scalar(10)), () => gradient!],
    });
    const loss = op.multiply(graph, magnitude, graph.scalar(3));
    const [da, db] = differentiate(graph, loss, [a, b]);
    graph.output('da', da!);
    graph.output('db', db!);
    const session = await Session.create(graph);
    const { da: a1, db: b1 } = await session.run({ a: feed(-2), b: feed(1) });
    expect([a1!.data[0], b1!.data[0]]).toEqual([30, 3]);
  });

  test('forward and backward graphs, cut at kept values, agree with the whole graph', async () => {
    const graph = new Graph();
    const value = graph.input('x', 'float32', ['batch', 4]);
    const kept = op.softmax(graph, value);
    const result = op.multiply(graph, op.sigmoid(graph, kept), value);
    const seed = graph.input('seed', 'float32', ['batch', 4]);
    const [gradient] = backpropagate(graph, [{ value: result, gradient: seed }], [value]);
    const forward = await Session.create(graph.extract({ result, kept }));
    const backward = await Session.create(graph.extract({ gradient: gradient! }, [kept]));
    const whole = await Session.create(graph.extract({ gradient: gradient! }));
    const draw = noise(7);
    const feeds = Object.fromEntries(
      ['x', 'seed'].map((name) => [name, make('float32', Array.from({ length: 8 }, draw), [2, 4])]),
    );
    const first = await forward.run({ x: feeds.x! });
    const second = await backward.run({ ...(feeds as Record<string, Tensor>), [kept.name]: first.kept! });
    const both = await whole.run(feeds as Record<string, Tensor>);
    expect(second.gradient!.data).toEqual(both.gradient!.data);
  });
});
