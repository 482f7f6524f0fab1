import { expect, test } from 'vitest';
import { quantiseBlocks4, quantiseBlocks8, quantiseColumns } from './quantise.js';
import { uniform } from './random.js';

const [rows, columns] = [6, 96];
/** Weights of very different size in each block, one block of zeros, one without negative values. */
const weights = Float32Array.from({ length: rows * columns }, (_, i) => {
  const block = Math.floor(i / 32);
  if (block === 4) return 0;
  const value = uniform(1, i) * 2 - (block === 5 ? 0 : 1);
  return value * 10 ** (block % 4);
});

function check(restored: (i: number) => number, step: (i: number) => number) {
  for (let i = 0; i < weights.length; i++) {
    expect(Math.abs(restored(i) - weights[i]!)).toBeLessThanOrEqual(step(i) * 1.0001);
  }
}

test('columns: half a step of the row, values transposed', () => {
  const { values, scales } = quantiseColumns(weights, rows, columns);
  const row = (i: number) => Math.floor(i / columns);
  check(
    (i) => values[(i % columns) * rows + row(i)]! * scales[row(i)]!,
    (i) => scales[row(i)]! / 2,
  );
  expect(Math.max(...values)).toBeLessThanOrEqual(127);
  expect(Math.min(...values)).toBeGreaterThanOrEqual(-127);
});

test('blocks of eight bits: half a step of the block', () => {
  const { values, scales } = quantiseBlocks8(weights);
  const scale = (i: number) => scales[Math.floor(i / 32)]!;
  check(
    (i) => (values[i]! - 128) * scale(i),
    (i) => scale(i) / 2,
  );
});

test('blocks of four bits: nibbles, scales and zero points fit together', () => {
  const { values, scales, zeroPoints } = quantiseBlocks4(weights, columns);
  const nibble = (bytes: Uint8Array, i: number) => (bytes[i >> 1]! >> (i % 2 === 0 ? 0 : 4)) & 15;
  // Three blocks a row, padded to four nibbles.
  const zeroPoint = (block: number) => nibble(zeroPoints, Math.floor(block / 3) * 4 + (block % 3));
  expect(zeroPoints.length).toBe(rows * 2);
  const restored = (i: number) => (nibble(values, i) - zeroPoint(Math.floor(i / 32))) * scales[Math.floor(i / 32)]!;
  // The ends of a narrowed grid are clipped: an end may be off by a tenth of the range.
  check(restored, (i) => scales[Math.floor(i / 32)]! * 2);
  const error = Math.hypot(...weights.map((w, i) => w - restored(i))) / Math.hypot(...weights);
  expect(error).toBeLessThan(0.09);
});
