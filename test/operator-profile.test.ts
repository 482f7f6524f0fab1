import { expect, test } from 'vitest';

// The benches are plain JavaScript without declarations, so their modules come in untyped.
const { lastRun } = await import(new URL('../bench/lib/operator-profile.mjs', import.meta.url).href);

const kernel = (operator: string, ts: number, dur: number, inputs: number[][] = [], output: number[] = []) => ({
  cat: 'Node',
  name: `node_${ts}_kernel_time`,
  ts,
  dur,
  args: {
    op_name: operator,
    input_type_shape: inputs.map((shape) => ({ float: shape })),
    output_type_shape: [{ float: output }],
  },
});

test('the last run counts: shares by operator, operations of its matrix products', () => {
  const profile = lastRun([
    { name: 'model_run', ts: 0, dur: 50 },
    kernel('Add', 10, 40),
    { name: 'model_run', ts: 100, dur: 100 },
    kernel(
      'MatMul',
      110,
      20,
      [
        [10, 4],
        [4, 6],
      ],
      [10, 6],
    ),
    // Transposed factors, and one factor for all matrices of a batch.
    kernel(
      'FusedMatMul',
      130,
      10,
      [
        [4, 10],
        [6, 4],
      ],
      [10, 6],
    ),
    kernel(
      'MatMul',
      140,
      10,
      [
        [3, 5, 4],
        [4, 2],
      ],
      [3, 5, 2],
    ),
    kernel('Mul', 150, 10),
  ]);
  expect(profile.seconds).toBeCloseTo(1e-4, 12);
  expect(profile.shares).toEqual([
    ['MatMul', 0.6],
    ['FusedMatMul', 0.2],
    ['Mul', 0.2],
  ]);
  expect(profile.productShare).toBeCloseTo(0.8, 12);
  expect(profile.products).toBe(2 * (10 * 6 * 4) * 2 + 2 * (3 * 5 * 2) * 4);
  expect(profile.productRate).toBeCloseTo(profile.products / 4e-5, 0);
  expect(lastRun([])).toBeUndefined();
});
