import { type Tensor, tensor } from '../tensor/index.js';
import { fusedAttentionFits } from './attention.js';
import type { DecoderConfig } from './config.js';
import type { KeyValueCache } from './key-value-cache.js';

type Rows = readonly (readonly number[])[];

/** The graph's inputs that say where in its text each new token stands, and what it may look at. */
export function placeFeeds(
  config: DecoderConfig,
  rows: Rows,
  { lengths, capacity }: KeyValueCache,
  sequence: number,
): Record<string, Tensor> {
  const positions = new BigInt64Array(rows.length * sequence);
  rows.forEach((tokens, row) => {
    for (let i = 0; i < sequence; i++) {
      // Padding repeats the row's last position, which always stands in the rotary tables.
      positions[row * sequence + i] = BigInt(lengths[row]! + Math.min(i, tokens.length - 1));
    }
  });
  return {
    positions: tensor('int64', positions, [rows.length, sequence]),
    ...(fusedAttentionFits(config)
      ? fusedFeeds(rows, lengths, sequence)
      : { mask: maskOf(config, rows, lengths, capacity, sequence) }),
  };
}

function fusedFeeds(rows: Rows, lengths: readonly number[], sequence: number): Record<string, Tensor> {
  const totals = rows.map((tokens, row) => lengths[row]! + tokens.length);
  // A first reading must look like one to the kernel: its total is the padded length.
  const total = lengths.every((length) => length === 0) ? sequence : Math.max(...totals);
  return {
    lastPositions: tensor(
      'int32',
      Int32Array.from(totals, (n) => n - 1),
      [rows.length],
    ),
    total: tensor('int32', Int32Array.of(total), [1]),
  };
}

/** `[batch, 1, 1, sequence, capacity + sequence]`: 0 where a token may look, a very low number elsewhere. */
function maskOf(
  config: DecoderConfig,
  rows: Rows,
  lengths: readonly number[],
  capacity: number,
  sequence: number,
): Tensor {
  const total = capacity + sequence;
  const window = config.slidingWindow ?? Number.POSITIVE_INFINITY;
  const mask = new Float32Array(rows.length * sequence * total).fill(-1e9);
  rows.forEach((_, row) => {
    const past = lengths[row]!;
    for (let i = 0; i < sequence; i++) {
      const start = (row * sequence + i) * total;
      const oldest = past + i - window + 1;
      for (let j = Math.max(0, oldest); j < past; j++) mask[start + j] = 0;
      for (let j = Math.max(0, oldest - past); j <= i; j++) mask[start + capacity + j] = 0;
    }
  });
  return tensor('float32', mask, [rows.length, 1, 1, sequence, total]);
}
