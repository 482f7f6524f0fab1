import { HALF_TO_FLOAT } from './half-floats.js';

/**
 * ggml's K-quants to fp32: blocks of 256 weights with a scale (and minimum) for each 16 or 32 of them.
 * Layouts: ggml/src/ggml-quants.c of llama.cpp.
 */

/**
 * Unpacks the eight 6-bit scales and eight 6-bit minima that Q4_K and Q5_K keep in 12 bytes: the first four of each in the
 * low six bits of bytes 0 to 3 and 4 to 7, the others in nibbles of bytes 8 to 11 and the two top bits of bytes 0 to 7.
 */
function unpackScales(bytes: Uint8Array, from: number, scales: Uint8Array, minima: Uint8Array): void {
  for (let j = 0; j < 4; j++) {
    const low = bytes[from + j]!;
    const middle = bytes[from + 4 + j]!;
    const high = bytes[from + 8 + j]!;
    scales[j] = low & 63;
    minima[j] = middle & 63;
    scales[j + 4] = (high & 15) | ((low >> 6) << 4);
    minima[j + 4] = (high >> 4) | ((middle >> 6) << 4);
  }
}

/** Half scale, half scale of the minima, 12 bytes of scales, 128 bytes: each 32 hold 32 weights low and 32 high. */
export function dequantiseQ4K(bytes: Uint8Array, count: number): Float32Array {
  const out = new Float32Array(count);
  const scales = new Uint8Array(8);
  const minima = new Uint8Array(8);
  for (let from = 0, to = 0; to < count; from += 144, to += 256) {
    const scale = HALF_TO_FLOAT[bytes[from]! | (bytes[from + 1]! << 8)]!;
    const minimumScale = HALF_TO_FLOAT[bytes[from + 2]! | (bytes[from + 3]! << 8)]!;
    unpackScales(bytes, from + 4, scales, minima);
    for (let group = 0; group < 4; group++) {
      const scaleLow = scale * scales[2 * group]!;
      const scaleHigh = scale * scales[2 * group + 1]!;
      const minimumLow = minimumScale * minima[2 * group]!;
      const minimumHigh = minimumScale * minima[2 * group + 1]!;
      const weights = from + 16 + 32 * group;
      const target = to + 64 * group;
      for (let j = 0; j < 32; j++) {
        const pair = bytes[weights + j]!;
        out[target + j] = scaleLow * (pair & 15) - minimumLow;
        out[target + 32 + j] = scaleHigh * (pair >> 4) - minimumHigh;
      }
    }
  }
  return out;
}

/** As Q4_K, with 32 bytes before the nibbles whose bit g is the fifth bit of group g of 32 weights. */
export function dequantiseQ5K(bytes: Uint8Array, count: number): Float32Array {
  const out = new Float32Array(count);
  const scales = new Uint8Array(8);
  const minima = new Uint8Array(8);
  for (let from = 0, to = 0; to < count; from += 176, to += 256) {
    const scale = HALF_TO_FLOAT[bytes[from]! | (bytes[from + 1]! << 8)]!;
    const minimumScale = HALF_TO_FLOAT[bytes[from + 2]! | (bytes[from + 3]! << 8)]!;
    unpackScales(bytes, from + 4, scales, minima);
    for (let group = 0; group < 4; group++) {
      const scaleLow = scale * scales[2 * group]!;
      const scaleHigh = scale * scales[2 * group + 1]!;
      const minimumLow = minimumScale * minima[2 * group]!;
      const minimumHigh = minimumScale * minima[2 * group + 1]!;
      const weights = from + 48 + 32 * group;
      const target = to + 64 * group;
      for (let j = 0; j < 32; j++) {
        const pair = bytes[weights + j]!;
        const fifth = bytes[from + 16 + j]! >> (2 * group);
        out[target + j] = scaleLow * ((pair & 15) | ((fifth & 1) << 4)) - minimumLow;
        out[target + 32 + j] = scaleHigh * ((pair >> 4) | ((fifth & 2) << 3)) - minimumHigh;
      }
    }
  }
  return out;
}

/** 128 bytes of low nibbles, 64 bytes of upper bit pairs, 16 signed scales (one for 16 weights), half scale; offset 32. */
export function dequantiseQ6K(bytes: Uint8Array, count: number): Float32Array {
  const out = new Float32Array(count);
  for (let from = 0, to = 0; to < count; from += 210, to += 256) {
    const scale = HALF_TO_FLOAT[bytes[from + 208]! | (bytes[from + 209]! << 8)]!;
    for (let half = 0; half < 2; half++) {
      const low = from + 64 * half;
      const high = from + 128 + 32 * half;
      const scales = from + 192 + 8 * half;
      const target = to + 128 * half;
      for (let j = 0; j < 32; j++) {
        const first = bytes[low + j]!;
        const second = bytes[low + 32 + j]!;
        const pairs = bytes[high + j]!;
        const at = scales + (j >> 4);
        out[target + j] = scale * ((bytes[at]! << 24) >> 24) * (((first & 15) | ((pairs & 3) << 4)) - 32);
        out[target + 32 + j] = scale * ((bytes[at + 2]! << 24) >> 24) * (((second & 15) | ((pairs & 12) << 2)) - 32);
        out[target + 64 + j] = scale * ((bytes[at + 4]! << 24) >> 24) * (((first >> 4) | (pairs & 48)) - 32);
        out[target + 96 + j] = scale * ((bytes[at + 6]! << 24) >> 24) * (((second >> 4) | ((pairs & 192) >> 2)) - 32);
      }
    }
  }
  return out;
}
