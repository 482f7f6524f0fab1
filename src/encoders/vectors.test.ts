import fc from 'fast-check';
import { expect, test } from 'vitest';
import { batchByLength } from '../batch-by-length.js';
import { normalise } from '../normalise.js';
import { meanPool } from './vectors.js';

test('mean over the tokens that are no padding, scaled to length 1', () => {
  // Two rows of three tokens, two dimensions; the second row has one token.
  const states = Float32Array.of(1, 0, 0, 1, 2, 2, 3, 4, 9, 9, 9, 9);
  expect([...meanPool(states, 0, 3, 3, 2)]).toEqual([Math.SQRT1_2, Math.SQRT1_2].map(Math.fround));
  expect([...meanPool(states, 1, 1, 3, 2)]).toEqual([0.6, 0.8].map(Math.fround));
  expect([...normalise([0, 0])]).toEqual([0, 0]);
});

test('batches: every text once, like lengths together, within the limit', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 50 })), fc.integer({ min: 1, max: 120 }), (lengths, most) => {
      const batches = batchByLength(lengths, most);
      expect(batches.flat().sort((a, b) => a - b)).toEqual([...lengths.keys()]);
      const order = batches.flat().map((position) => lengths[position]!);
      expect(order).toEqual([...order].sort((a, b) => a - b));
      for (const batch of batches) {
        const width = Math.max(...batch.map((position) => lengths[position]!));
        if (batch.length > 1) expect(batch.length * width).toBeLessThanOrEqual(most);
      }
    }),
  );
});
