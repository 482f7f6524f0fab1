import { hashIntegers } from '../../decoder/index.js';

/** 32 random bits a call, the same for the same seed: xorshift32 (Marsaglia, "Xorshift RNGs", 2003). */
export function randomStream(seed: number): () => number {
  // The state must not be 0: the generator would stay there.
  let state = hashIntegers([seed]) || 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state >>> 0;
  };
}
