import fc from 'fast-check';
import { expect, test } from 'vitest';
import { packSequences } from './packing.js';

const places = (batches: ReturnType<typeof packSequences>) =>
  batches.reduce((sum, { rows, width }) => sum + rows * width, 0);

test('every sequence stands once, inside its row, beside the others, within the limit', () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 1, max: 200 }), { minLength: 1, maxLength: 80 }),
      fc.integer({ min: 1, max: 1000 }),
      (lengths, maxTokens) => {
        const batches = packSequences(lengths, maxTokens);
        const seen: number[] = [];
        for (const { rows, width, placements } of batches) {
          if (rows > 1) expect(rows * width).toBeLessThanOrEqual(maxTokens);
          const taken = new Set<number>();
          for (const { sequence, row, start } of placements) {
            seen.push(sequence);
            expect(row).toBeLessThan(rows);
            expect(start + lengths[sequence]!).toBeLessThanOrEqual(width);
            for (let i = 0; i < lengths[sequence]!; i++) {
              expect(taken.has(row * width + start + i)).toBe(false);
              taken.add(row * width + start + i);
            }
          }
        }
        expect(seen.sort((a, b) => a - b)).toEqual(lengths.map((_, i) => i));
      },
    ),
  );
});

test('short sequences fill the rows of long ones', () => {
  const batches = packSequences([10, 90, 50, 100, 40, 10], 1000);
  expect(batches).toHaveLength(1);
  expect(places(batches)).toBe(300);
});

test('rows are widened where pairs would not fit', () => {
  const [batch] = packSequences([100, ...new Array(10).fill(60)], 5000);
  expect(batch!.width).toBeGreaterThanOrEqual(120);
  expect(places([batch!])).toBeLessThan(800);
});

test('lengths like those of a real batch leave little padding', () => {
  const lengths = Array.from({ length: 48 }, (_, i) => 35 + ((i * 37) % 110));
  const total = lengths.reduce((sum, length) => sum + length, 0);
  for (const maxTokens of [1024, 2048, Number.POSITIVE_INFINITY]) {
    expect(places(packSequences(lengths, maxTokens))).toBeLessThan(1.08 * total);
  }
});

test('batches are of like size', () => {
  const batches = packSequences(new Array(11).fill(10), 100);
  expect(batches.map(({ placements }) => placements.length)).toEqual([5, 6]);
});

test('a sequence without tokens is an error', () => {
  expect(() => packSequences([3, 0], 10)).toThrow('a sequence to pack has 0 tokens');
});
