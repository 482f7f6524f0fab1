import { type Tensor, tensor } from '../tensor/index.js';
import type { PackedBatch } from './packing.js';

/** A sequence of tokens and the places in it whose hidden states the loss reads. */
export interface TrainingSequence {
  readonly tokens: readonly number[];
  readonly selected: readonly number[];
}

/** Embeddings by token id, as a view or a copy, `[hidden]`. */
export type EmbeddingLookup = (token: number) => Float32Array;

/** Added to the score of what a token may not see. */
const HIDDEN = -1e9;

/**
 * A packed batch as the training graph's inputs. The selected places stand in the order of the batch's placements, and
 * within a sequence in its own order.
 */
export function batchFeeds(
  batch: PackedBatch,
  sequences: readonly TrainingSequence[],
  hiddenSize: number,
  embeddingOf: EmbeddingLookup,
): Record<'embeddings' | 'positions' | 'mask' | 'selected', Tensor> {
  const { rows, width, placements } = batch;
  const embeddings = new Float32Array(rows * width * hiddenSize);
  const positions = new BigInt64Array(rows * width);
  const mask = new Float32Array(rows * width * width).fill(HIDDEN);
  const selected: number[] = [];
  // Padding sees itself, so that no row of weights is without a sum.
  for (let place = 0; place < rows * width; place++) mask[place * width + (place % width)] = 0;
  for (const { sequence, row, start } of placements) {
    const { tokens, selected: chosen } = sequences[sequence]!;
    const first = row * width + start;
    tokens.forEach((token, i) => {
      embeddings.set(embeddingOf(token), (first + i) * hiddenSize);
      positions[first + i] = BigInt(i);
      const seen = (first + i) * width + start;
      mask.fill(0, seen, seen + i + 1);
    });
    for (const place of chosen) selected.push(first + place);
  }
  return {
    embeddings: tensor('float32', embeddings, [rows * width, hiddenSize]),
    positions: tensor('int64', positions, [rows, width]),
    mask: tensor('float32', mask, [rows, 1, 1, width, width]),
    selected: tensor('int64', BigInt64Array.from(selected, BigInt), [selected.length]),
  };
}

/** Calls `visit` for each token of the batch with its row in `[rows * width, hidden]` tensors, in order of these rows. */
export function forEachPlace(
  batch: PackedBatch,
  sequences: readonly TrainingSequence[],
  visit: (token: number, place: number) => void,
): void {
  const ordered = [...batch.placements].sort((a, b) => a.row - b.row || a.start - b.start);
  for (const { sequence, row, start } of ordered) {
    sequences[sequence]!.tokens.forEach((token, i) => {
      visit(token, row * batch.width + start + i);
    });
  }
}
