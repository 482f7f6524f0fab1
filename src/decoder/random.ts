/**
 * Random numbers keyed by what they are for, instead of by the order in which they are drawn: a sequence gets the same
 * ones whatever shares its batch.
 */

/** 32-bit finaliser of MurmurHash3 (Austin Appleby, public domain). */
function mix(value: number): number {
  let h = value >>> 0;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

/** A key of whole numbers as one, order mattering. */
export function hashIntegers(values: Iterable<number>): number {
  let h = 0x9e3779b9; // 2^32 over the golden ratio
  for (const value of values) h = mix(Math.imul(h ^ mix(value), 5) + 0xe6546b64); // constants of MurmurHash3's body
  return h;
}

/** A number in [0, 1), the same for the same key. */
export function uniform(...key: readonly number[]): number {
  return hashIntegers(key) / 2 ** 32;
}
