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
 * A row of this width takes twice the time a place as a very short one: attention looks at the whole row. Measured on
 * SmolLM2-135M (docs/decisions/training-graph.md); its exact value matters little.
 */
const WIDTH_OF_DOUBLE_COST = 1000;
/** Rows up to this many times the longest sequence are tried. */
const WIDEST = 3;

/**
 * Packs sequences of these lengths into batches of at most `maxTokens` places (a longer sequence gets a batch of its own).
 *
 * A row holds several sequences, none of which sees another; its width is chosen so that little is padding. The same
 * lengths always give the same batches.
 */
export function packSequences(lengths: readonly number[], maxTokens: number): PackedBatch[] {
  const wrong = lengths.find((length) => !(Number.isInteger(length) && length > 0));
  if (wrong !== undefined) throw new InvalidInputError(`a sequence to pack has ${wrong} tokens`);
  const sorted = lengths.map((_, i) => i).sort((i, j) => lengths[j]! - lengths[i]! || i - j);
  return chunks(sorted, lengths, maxTokens).map((chosen) => packed(chosen, lengths, maxTokens));
}

/** Cuts the list into runs of like length and of about the same number of tokens, below what a batch takes when packed. */
function chunks(sorted: readonly number[], lengths: readonly number[], maxTokens: number): number[][] {
  const total = lengths.reduce((sum, length) => sum + length, 0);
  // A tenth for padding: what does not fit after all is cut once more.
  const count = Math.max(1, Math.ceil((1.1 * total) / maxTokens));
  const result: number[][] = [];
  let before = 0;
  for (const sequence of sorted) {
    const chunk = Math.floor((count * (before + lengths[sequence]! / 2)) / total);
    result[chunk] ??= [];
    result[chunk].push(sequence);
    before += lengths[sequence]!;
  }
  // A very long sequence can leave the places of chunks after its own empty: `Object.values` passes over them.
  return Object.values(result).flatMap((chosen) => halved(chosen, lengths, maxTokens));
}

function halved(chosen: number[], lengths: readonly number[], maxTokens: number): number[][] {
  if (chosen.length === 1) return [chosen];
  const { rows, width } = packed(chosen, lengths, maxTokens);
  if (rows * width <= maxTokens) return [chosen];
  const middle = Math.ceil(chosen.length / 2);
  return [chosen.slice(0, middle), chosen.slice(middle)].flatMap((half) => halved(half, lengths, maxTokens));
}

/** The cheapest width among those that keep the limit; the narrowest if none does. */
function packed(chosen: readonly number[], lengths: readonly number[], maxTokens: number): PackedBatch {
  const longest = lengths[chosen[0]!]!;
  let best = inRows(chosen, lengths, longest);
  const cost = ({ rows, width }: PackedBatch) =>
    rows * width > maxTokens ? Number.POSITIVE_INFINITY : rows * width * (1 + width / WIDTH_OF_DOUBLE_COST);
  for (let width = longest + 1; width <= WIDEST * longest; width++) {
    const candidate = inRows(chosen, lengths, width);
    if (cost(candidate) < cost(best)) best = candidate;
  }
  return best;
}

/** First fit, longest first. */
function inRows(chosen: readonly number[], lengths: readonly number[], width: number): PackedBatch {
  const used: number[] = [];
  const placements = chosen.map((sequence) => {
    const length = lengths[sequence]!;
    let row = used.findIndex((places) => places + length <= width);
    if (row < 0) row = used.push(0) - 1;
    const start = used[row]!;
    used[row] = start + length;
    return { sequence, row, start };
  });
  return { rows: used.length, width, placements };
}
