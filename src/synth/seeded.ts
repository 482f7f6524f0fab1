import { contentKey } from './content-key.js';

/** A number in [0, 1) that follows from JSON values alone: the same in every run and on every machine. */
export function fraction(...values: readonly unknown[]): number {
  // 52 bits: all that a double can hold of them below 1.
  return Number.parseInt(contentKey(values).slice(0, 13), 16) / 2 ** 52;
}

/**
 * Items in a random order that follows from the seed and each item's id. An item that is added does not change the order of the
 * others, so the first n of a longer list are mostly those of the shorter.
 */
export function seededOrder<T extends { readonly id: string }>(items: readonly T[], ...seed: readonly unknown[]): T[] {
  const keyed = items.map((item) => ({ item, key: contentKey([...seed, item.id]) }));
  return keyed.sort((a, b) => (a.key < b.key ? -1 : 1)).map(({ item }) => item);
}
