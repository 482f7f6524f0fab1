import { InvalidInputError } from '../errors.js';

/** Where a sequence stands in a batch. */
export interface Placement {
  /** Index of the sequence in the list that was packed. */
  readonly sequence: number;
  readonly row: number;
  /** Its first place in the row. */
  readonly start: number;
}

/** Sequences that go through the decoder together, several of them in a row where they fit. */
export interface PackedBatch {
  readonly rows: number;
  /** Places of a row. */
  readonly width: number;
  readonly placements: readonly Placement[];
}

/**
 * Packs sequences of these lengths into batches of at most `maxTokens` places (a longer sequence gets a batch of its own).
 *
 * Rows are as wide as the batch's longest sequence; shorter ones fill what is left (first fit, longest first), so that
 * little is padding. The same lengths always give the same batches.
 */
export function packSequences(lengths: readonly number[], maxTokens: number): PackedBatch[] {
  const wrong = lengths.find((length) => !(Number.isInteger(length) && length > 0));
  if (wrong !== undefined) throw new InvalidInputError(`a sequence to pack has ${wrong} tokens`);
  const total = lengths.reduce((sum, length) => sum + length, 0);
  let waiting = lengths.map((_, i) => i).sort((i, j) => lengths[j]! - lengths[i]! || i - j);
  // Batches of like size: one small last batch would use the machine badly. Rows are rarely full: an eighth on top, so
  // that the last few sequences do not need a batch of their own.
  const share = (1.125 * total) / Math.max(1, Math.ceil(total / maxTokens));
  const batches: PackedBatch[] = [];
  while (waiting.length > 0) {
    const width = lengths[waiting[0]!]!;
    const rowLimit =
      maxTokens === Number.POSITIVE_INFINITY
        ? lengths.length
        : Math.max(1, Math.min(Math.ceil(share / width), Math.floor(maxTokens / width)));
    const used: number[] = [];
    const placements: Placement[] = [];
    const left: number[] = [];
    for (const sequence of waiting) {
      const length = lengths[sequence]!;
      let row = used.findIndex((places) => places + length <= width);
      if (row < 0 && used.length < rowLimit) row = used.push(0) - 1;
      if (row < 0) {
        left.push(sequence);
        continue;
      }
      placements.push({ sequence, row, start: used[row]! });
      used[row]! += length;
    }
    batches.push({ rows: used.length, width, placements });
    waiting = left;
  }
  return batches;
}
