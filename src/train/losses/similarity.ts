import { dot } from '../../embedder/index.js';

/** Vectors of one kind, one array `[dimensions]` each. */
export type Vectors = readonly Float32Array[];

/** A matrix of numbers, row-major; fp64, because sums over it decide the loss. */
export interface Matrix {
  readonly rows: number;
  readonly columns: number;
  readonly data: Float64Array;
}

/** Inner product of every vector of `a` with every one of `b`, `[a.length, b.length]`. */
export function similarities(a: Vectors, b: Vectors): Matrix {
  const data = new Float64Array(a.length * b.length);
  a.forEach((x, i) => {
    b.forEach((y, j) => {
      data[i * b.length + j] = dot(x, y);
    });
  });
  return { rows: a.length, columns: b.length, data };
}

/** The gradient of both sides from the gradient of their similarities. */
export function similaritiesGradient(
  a: Vectors,
  b: Vectors,
  gradient: Matrix,
): { a: Float32Array[]; b: Float32Array[] } {
  const da = a.map((x) => new Float64Array(x.length));
  const db = b.map((y) => new Float64Array(y.length));
  a.forEach((x, i) => {
    b.forEach((y, j) => {
      const g = gradient.data[i * b.length + j]!;
      if (g === 0) return;
      addScaled(da[i]!, y, g);
      addScaled(db[j]!, x, g);
    });
  });
  const single = (rows: Float64Array[]) => rows.map((row) => Float32Array.from(row));
  return { a: single(da), b: single(db) };
}

function addScaled(target: Float64Array, x: Float32Array, scale: number): void {
  for (let i = 0; i < x.length; i++) target[i]! += scale * x[i]!;
}

/** log(sum(exp(values))), safe for large values; entries of -Infinity count for nothing. */
export function logSumExp(values: ArrayLike<number>): number {
  let largest = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < values.length; i++) largest = Math.max(largest, values[i]!);
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += Math.exp(values[i]! - largest);
  return largest + Math.log(sum);
}
