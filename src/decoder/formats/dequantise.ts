import { dequantiseQ4K, dequantiseQ5K, dequantiseQ6K } from './dequantise-k.js';
import { decodeBfloat16, decodeFloat32, decodeHalf, HALF_TO_FLOAT } from './half-floats.js';

/**
 * ggml's block formats to fp32. Each function takes whole blocks and a count of weights, and is one flat loop over typed
 * arrays: a model has 10^8 weights. The products are exact in double precision, so that each result is rounded to fp32
 * once, as in ggml's own fp32 code. Layouts: ggml/src/ggml-quants.c of llama.cpp.
 */

/** 32 weights: half scale, 16 bytes of two 4-bit weights (first half of the block in the low nibbles), offset 8. */
function dequantiseQ40(bytes: Uint8Array, count: number): Float32Array {
  const out = new Float32Array(count);
  for (let from = 0, to = 0; to < count; from += 18, to += 32) {
    const scale = HALF_TO_FLOAT[bytes[from]! | (bytes[from + 1]! << 8)]!;
    for (let j = 0; j < 16; j++) {
      const pair = bytes[from + 2 + j]!;
      out[to + j] = scale * ((pair & 15) - 8);
      out[to + 16 + j] = scale * ((pair >> 4) - 8);
    }
  }
  return out;
}

/** As Q4_0, with a half minimum instead of the fixed offset. */
function dequantiseQ41(bytes: Uint8Array, count: number): Float32Array {
  const out = new Float32Array(count);
  for (let from = 0, to = 0; to < count; from += 20, to += 32) {
    const scale = HALF_TO_FLOAT[bytes[from]! | (bytes[from + 1]! << 8)]!;
    const minimum = HALF_TO_FLOAT[bytes[from + 2]! | (bytes[from + 3]! << 8)]!;
    for (let j = 0; j < 16; j++) {
      const pair = bytes[from + 4 + j]!;
      out[to + j] = scale * (pair & 15) + minimum;
      out[to + 16 + j] = scale * (pair >> 4) + minimum;
    }
  }
  return out;
}

/** As Q4_0, with the fifth bit of all 32 weights in one 32-bit word after the scale, offset 16. */
function dequantiseQ50(bytes: Uint8Array, count: number): Float32Array {
  const out = new Float32Array(count);
  for (let from = 0, to = 0; to < count; from += 22, to += 32) {
    const scale = HALF_TO_FLOAT[bytes[from]! | (bytes[from + 1]! << 8)]!;
    const high = bytes[from + 2]! | (bytes[from + 3]! << 8) | (bytes[from + 4]! << 16) | (bytes[from + 5]! << 24);
    for (let j = 0; j < 16; j++) {
      const pair = bytes[from + 6 + j]!;
      out[to + j] = scale * (((pair & 15) | (((high >>> j) & 1) << 4)) - 16);
      out[to + 16 + j] = scale * (((pair >> 4) | (((high >>> (j + 16)) & 1) << 4)) - 16);
    }
  }
  return out;
}

/** As Q5_0, with a half minimum instead of the fixed offset. */
function dequantiseQ51(bytes: Uint8Array, count: number): Float32Array {
  const out = new Float32Array(count);
  for (let from = 0, to = 0; to < count; from += 24, to += 32) {
    const scale = HALF_TO_FLOAT[bytes[from]! | (bytes[from + 1]! << 8)]!;
    const minimum = HALF_TO_FLOAT[bytes[from + 2]! | (bytes[from + 3]! << 8)]!;
    const high = bytes[from + 4]! | (bytes[from + 5]! << 8) | (bytes[from + 6]! << 16) | (bytes[from + 7]! << 24);
    for (let j = 0; j < 16; j++) {
      const pair = bytes[from + 8 + j]!;
      out[to + j] = scale * ((pair & 15) | (((high >>> j) & 1) << 4)) + minimum;
      out[to + 16 + j] = scale * ((pair >> 4) | (((high >>> (j + 16)) & 1) << 4)) + minimum;
    }
  }
  return out;
}

/** 32 weights: half scale, 32 signed bytes. */
function dequantiseQ80(bytes: Uint8Array, count: number): Float32Array {
  const out = new Float32Array(count);
  for (let from = 0, to = 0; to < count; from += 34, to += 32) {
    const scale = HALF_TO_FLOAT[bytes[from]! | (bytes[from + 1]! << 8)]!;
    for (let j = 0; j < 32; j++) out[to + j] = scale * ((bytes[from + 2 + j]! << 24) >> 24);
  }
  return out;
}

/** Blocks to fp32, by the name of the block format. A format that is not here cannot be read. */
export const DEQUANTISE: ReadonlyMap<string, (bytes: Uint8Array, count: number) => Float32Array> = new Map([
  ['F32', decodeFloat32],
  ['F16', decodeHalf],
  ['BF16', decodeBfloat16],
  ['Q4_0', dequantiseQ40],
  ['Q4_1', dequantiseQ41],
  ['Q5_0', dequantiseQ50],
  ['Q5_1', dequantiseQ51],
  ['Q8_0', dequantiseQ80],
  ['Q4_K', dequantiseQ4K],
  ['Q5_K', dequantiseQ5K],
  ['Q6_K', dequantiseQ6K],
]);
