/**
 * A picture of a few vectors: principal component analysis down to two dimensions. Pure; it knows neither queries nor
 * documents.
 */

/** Power iteration stops when a step turns the direction by less than this (1 - cosine). */
const CONVERGED = 1e-12;
/** Enough for eigenvalues that differ by 2 %; a picture needs no more where they are closer still. */
const MAX_STEPS = 1_000;
/** Components with less than this share of the total variance are rounding, and drawn as 0. */
const LEAST_SHARE = 1e-9;

/**
 * Places vectors of equal length in the plane so that the distances among them are kept as well as a plane can: the
 * coordinates along the two directions of largest variance, around the mean.
 *
 * Meant for tens of vectors: the work is done on their Gram matrix, `[count, count]`. The same vectors give the same
 * picture: of each axis's two directions the one is taken in which the farthest point is positive.
 *
 * @returns one point `[x, y]` a vector, in their order; with fewer than three different vectors `y` is 0.
 */
export function project(vectors: readonly Float32Array[]): readonly (readonly [number, number])[] {
  const gram = centredGram(vectors);
  const total = gram.reduce((sum, row, i) => sum + row[i]!, 0);
  const [x, y] = [0, 1].map(() => nextComponent(gram, total));
  return vectors.map((_, i) => [x![i]!, y![i]!] as const);
}

/** Inner products of the vectors less their mean, `[count, count]`. */
function centredGram(vectors: readonly Float32Array[]): number[][] {
  const dimensions = vectors[0]?.length ?? 0;
  const mean = new Float64Array(dimensions);
  for (const vector of vectors) {
    for (let d = 0; d < dimensions; d++) mean[d]! += vector[d]! / vectors.length;
  }
  const centred = vectors.map((vector) => Float64Array.from(vector, (value, d) => value - mean[d]!));
  return centred.map((a) => centred.map((b) => product(a, b)));
}

/**
 * Coordinates along the direction of largest variance that is left in the Gram matrix; that direction is then taken out
 * of it. An eigenvector of length 1 times the root of its eigenvalue is the points' coordinates.
 */
function nextComponent(gram: number[][], total: number): number[] {
  const { vector, value } = largestEigenpair(gram);
  if (!(value > LEAST_SHARE * total)) return gram.map(() => 0);
  for (const [i, row] of gram.entries()) {
    for (const j of row.keys()) row[j]! -= value * vector[i]! * vector[j]!;
  }
  const farthest = vector.reduce((best, x) => (Math.abs(x) > Math.abs(best) + 1e-9 ? x : best), 0);
  return vector.map((x) => Math.sign(farthest) * Math.sqrt(value) * x);
}

/** Power iteration on a symmetric matrix without negative eigenvalues. */
function largestEigenpair(matrix: readonly (readonly number[])[]): { vector: number[]; value: number } {
  // The row with the largest diagonal element is never orthogonal to all directions that have variance.
  const start = matrix.reduce((best, row, i) => (row[i]! > matrix[best]![best]! ? i : best), 0);
  let vector = unit(matrix[start] ?? []);
  for (let step = 0; step < MAX_STEPS; step++) {
    const next = unit(matrix.map((row) => product(row, vector)));
    const turned = 1 - product(next, vector);
    vector = next;
    if (turned < CONVERGED) break;
  }
  return {
    vector,
    value: product(
      vector,
      matrix.map((row) => product(row, vector)),
    ),
  };
}

function product(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}

function unit(vector: readonly number[]): number[] {
  const length = Math.sqrt(product(vector, vector));
  return vector.map((x) => (length === 0 ? 0 : x / length));
}
