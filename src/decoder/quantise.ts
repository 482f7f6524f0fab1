/** Weights to fewer bits. Pure functions of arrays. */
import { BLOCK_SIZE } from '../tensor/index.js';

/**
 * One symmetric int8 scale per output feature: w ≈ value * scale.
 *
 * Values are laid out `[inFeatures, outFeatures]`, as an integer product wants its right side.
 */
export function quantiseColumns(
  weight: Float32Array,
  outFeatures: number,
  inFeatures: number,
): { readonly values: Int8Array; readonly scales: Float32Array } {
  const values = new Int8Array(weight.length);
  const scales = new Float32Array(outFeatures);
  const inverses = new Float32Array(outFeatures);
  for (let row = 0; row < outFeatures; row++) {
    const start = row * inFeatures;
    let largest = 0;
    for (let i = start; i < start + inFeatures; i++) largest = Math.max(largest, Math.abs(weight[i]!));
    scales[row] = largest / 127;
    inverses[row] = largest === 0 ? 0 : 127 / largest;
  }
  // Output features in strips, so that the transposed writes stay within a few cache lines.
  const strip = 64;
  for (let first = 0; first < outFeatures; first += strip) {
    const last = Math.min(first + strip, outFeatures);
    for (let i = 0; i < inFeatures; i++) {
      for (let row = first; row < last; row++) {
        values[i * outFeatures + row] = ((weight[row * inFeatures + i]! * inverses[row]! + 128.5) | 0) - 128;
      }
    }
  }
  return { values, scales };
}

/** Weights in blocks of 32 along the input, unsigned, each block with its scale: w ≈ (value - zeroPoint) * scale. */
export interface QuantisedBlocks {
  /** `[outFeatures, blocks, 32 * bits / 8]`; of two nibbles in a byte the low one comes first. */
  readonly values: Uint8Array;
  /** `[outFeatures, blocks]` */
  readonly scales: Float32Array;
}

/** Eight bits a weight; the zero point of every block is 128. */
export function quantiseBlocks8(weight: Float32Array): QuantisedBlocks {
  const values = new Uint8Array(weight.length);
  const scales = new Float32Array(weight.length / BLOCK_SIZE);
  for (let block = 0; block < scales.length; block++) {
    const start = block * BLOCK_SIZE;
    let largest = 0;
    for (let i = start; i < start + BLOCK_SIZE; i++) largest = Math.max(largest, Math.abs(weight[i]!));
    scales[block] = largest / 127;
    const inverse = largest === 0 ? 0 : 127 / largest;
    // Truncation of a positive number rounds down; several times faster than Math.round.
    for (let i = start; i < start + BLOCK_SIZE; i++) values[i] = (weight[i]! * inverse + 128.5) | 0;
  }
  return { values, scales };
}

/** Four bits a weight, with a zero point of its own for each block, two to a byte, `[outFeatures, ceil(blocks / 2)]`. */
export function quantiseBlocks4(
  weight: Float32Array,
  inFeatures: number,
): QuantisedBlocks & { readonly zeroPoints: Uint8Array } {
  const perRow = inFeatures / BLOCK_SIZE;
  const zeroBytes = Math.ceil(perRow / 2);
  const values = new Uint8Array(weight.length / 2);
  const scales = new Float32Array(weight.length / BLOCK_SIZE);
  const zeroPoints = new Uint8Array((weight.length / inFeatures) * zeroBytes);
  for (let block = 0; block < scales.length; block++) {
    const start = block * BLOCK_SIZE;
    const { scale, fitted, zeroPoint } = fitBlock4(weight, start);
    scales[block] = fitted;
    const row = Math.floor(block / perRow);
    const column = block % perRow;
    zeroPoints[row * zeroBytes + (column >> 1)]! |= zeroPoint << (column % 2 === 0 ? 0 : 4);
    for (let i = start; i < start + BLOCK_SIZE; i += 2) {
      values[i >> 1] = level(weight[i]!, scale, zeroPoint) | (level(weight[i + 1]!, scale, zeroPoint) << 4);
    }
  }
  return { values, scales, zeroPoints };
}

/**
 * Shares of a block's range that its sixteen levels are spread over. A slightly narrower grid clips the ends and serves
 * the middle; which of two is better differs from block to block. Error on the adapted SmolLM2-135M: 8.3 % with the
 * full range alone, 7.3 % with both and the scale fitted afterwards.
 */
const RANGE_SHARES = [1, 0.9];

/** The best grid for a block: levels are assigned with `scale`, values restored with `fitted`, its least-squares fit. */
function fitBlock4(weight: Float32Array, start: number): { scale: number; fitted: number; zeroPoint: number } {
  let [lowest, highest] = [0, 0];
  for (let i = start; i < start + BLOCK_SIZE; i++) {
    lowest = Math.min(lowest, weight[i]!);
    highest = Math.max(highest, weight[i]!);
  }
  let best = { scale: 0, fitted: 0, zeroPoint: 8 };
  if (lowest === highest) return best;
  let bestGain = Number.NEGATIVE_INFINITY;
  for (const share of RANGE_SHARES) {
    const scale = ((highest - lowest) / 15) * share;
    const zeroPoint = Math.min(15, Math.max(0, Math.round(7.5 - (highest + lowest) / 2 / scale)));
    let [product, square] = [0, 0];
    for (let i = start; i < start + BLOCK_SIZE; i++) {
      const steps = level(weight[i]!, scale, zeroPoint) - zeroPoint;
      product += weight[i]! * steps;
      square += steps * steps;
    }
    // Squared error is the weights' own sum of squares less this.
    const gain = square === 0 ? 0 : (product * product) / square;
    if (gain > bestGain) {
      bestGain = gain;
      best = { scale, fitted: square === 0 ? 0 : product / square, zeroPoint };
    }
  }
  return best;
}

function level(weight: number, scale: number, zeroPoint: number): number {
  if (scale === 0) return zeroPoint;
  const steps = weight / scale + zeroPoint + 0.5;
  return steps <= 0 ? 0 : steps >= 15 ? 15 : steps | 0;
}
