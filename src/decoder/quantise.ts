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
  for (let row = 0; row < outFeatures; row++) {
    const start = row * inFeatures;
    let largest = 0;
    for (let i = start; i < start + inFeatures; i++) largest = Math.max(largest, Math.abs(weight[i]!));
    scales[row] = largest / 127;
  }
  // Output features in strips, so that the transposed writes stay within a few cache lines.
  const strip = 64;
  for (let first = 0; first < outFeatures; first += strip) {
    const last = Math.min(first + strip, outFeatures);
    for (let i = 0; i < inFeatures; i++) {
      for (let row = first; row < last; row++) {
        const scale = scales[row]!;
        values[i * outFeatures + row] = scale === 0 ? 0 : Math.round(weight[row * inFeatures + i]! / scale);
      }
    }
  }
  return { values, scales };
}

/**
 * Blocks of 32 weights with one scale each and four bits a weight: w ≈ (nibble - 8) * scale.
 *
 * The scale takes the block's largest magnitude to -8, the one value that has no positive twin (as llama.cpp's Q4_0
 * does), which uses all sixteen levels.
 */
export function quantiseBlocks(weight: Float32Array): { readonly blocks: Uint8Array; readonly scales: Float32Array } {
  const count = weight.length / BLOCK_SIZE;
  const blocks = new Uint8Array(weight.length / 2);
  const scales = new Float32Array(count);
  for (let block = 0; block < count; block++) {
    const start = block * BLOCK_SIZE;
    let extreme = 0;
    for (let i = start; i < start + BLOCK_SIZE; i++) {
      if (Math.abs(weight[i]!) > Math.abs(extreme)) extreme = weight[i]!;
    }
    const scale = extreme / -8;
    scales[block] = scale;
    const inverse = scale === 0 ? 0 : 1 / scale;
    for (let i = 0; i < BLOCK_SIZE; i += 2) {
      const low = nibble(weight[start + i]! * inverse);
      const high = nibble(weight[start + i + 1]! * inverse);
      blocks[(start + i) >> 1] = low | (high << 4);
    }
  }
  return { blocks, scales };
}

const nibble = (scaled: number): number => Math.min(15, Math.max(0, Math.floor(scaled + 8.5)));
