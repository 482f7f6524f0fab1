import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { project } from './projection.js';

type Point = readonly [number, number];
const distance = (a: Point, b: Point) => Math.hypot(a[0] - b[0], a[1] - b[1]);
const vector = (...values: number[]) => Float32Array.from(values);

describe('project', () => {
  test('points that lie in a plane keep their distances', () => {
    // A rectangle 4 by 2 in a tilted plane of five dimensions.
    const [u, v] = [vector(0.5, 0.5, 0.5, 0.5, 0), vector(0.5, -0.5, 0.5, -0.5, 0)];
    const corner = (a: number, b: number) => Float32Array.from(u, (x, d) => 7 + a * x + b * v[d]!);
    const points = project([corner(0, 0), corner(4, 0), corner(4, 2), corner(0, 2)]);
    const lengths = [0, 1, 2, 3].map((i) => distance(points[i]!, points[(i + 1) % 4]!));
    for (const [i, length] of [4, 2, 4, 2].entries()) expect(lengths[i]).toBeCloseTo(length, 5);
    // The longer side is the first axis.
    expect(Math.abs(points[1]![0] - points[0]![0])).toBeCloseTo(4, 5);
  });

  test('the first axis has the larger variance, and the mean is the origin', () => {
    const vectors = fc.sample(fc.array(fc.float({ min: -1, max: 1, noNaN: true }), { minLength: 8, maxLength: 8 }), {
      numRuns: 30,
      seed: 1,
    });
    const points = project(vectors.map((values) => Float32Array.from(values)));
    const [x, y] = [0, 1].map((axis) => points.map((point) => point[axis]!));
    const squares = (values: number[]) => values.reduce((sum, value) => sum + value ** 2, 0);
    expect(squares(x!)).toBeGreaterThan(squares(y!));
    for (const axis of [x!, y!]) expect(axis.reduce((sum, value) => sum + value, 0)).toBeCloseTo(0, 6);
    // The axes are orthogonal: nothing of the one is left in the other.
    expect(x!.reduce((sum, value, i) => sum + value * y![i]!, 0)).toBeCloseTo(0, 4);
  });

  test('no two points are farther apart than their vectors', () => {
    const vectors = fc.array(fc.array(fc.float({ min: -1, max: 1, noNaN: true }), { minLength: 6, maxLength: 6 }), {
      minLength: 2,
      maxLength: 12,
    });
    fc.assert(
      fc.property(vectors, (rows) => {
        const points = project(rows.map((row) => Float32Array.from(row)));
        for (const [i, a] of rows.entries()) {
          for (const [j, b] of rows.entries()) {
            const between = Math.hypot(...a.map((value, d) => value - b[d]!));
            expect(distance(points[i]!, points[j]!)).toBeLessThanOrEqual(between + 1e-5);
          }
        }
      }),
      { numRuns: 50 },
    );
  });

  test('the same picture each time, with the farthest point to the right and above', () => {
    const vectors = [vector(5, 0, 0), vector(0, 1, 0), vector(0, -2, 0), vector(-1, 0, 1)];
    const points = project(vectors);
    expect(project(vectors)).toEqual(points);
    const farthest = (axis: 0 | 1) => points.map((point) => point[axis]).sort((a, b) => Math.abs(b) - Math.abs(a))[0];
    expect(farthest(0)).toBeGreaterThan(0);
    expect(farthest(1)).toBeGreaterThan(0);
  });

  test.each([
    ['none', [], []],
    ['one', [vector(1, 2)], [[0, 0]]],
    [
      'equal ones',
      [vector(1, 2), vector(1, 2)],
      [
        [0, 0],
        [0, 0],
      ],
    ],
    [
      'two',
      [vector(3, 0, 4), vector(0, 0, 0)],
      [
        [2.5, 0],
        [-2.5, 0],
      ],
    ],
  ] as const)('%s', (_, vectors, expected) => {
    const points = project(vectors);
    expect(points).toHaveLength(expected.length);
    for (const [i, [x, y]] of expected.entries()) {
      expect(points[i]![0]).toBeCloseTo(x, 6);
      expect(points[i]![1]).toBeCloseTo(y, 6);
    }
  });
});
