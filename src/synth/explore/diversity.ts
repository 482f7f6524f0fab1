/** How much the candidates of one query differ; each figure from 0 (all alike) to 1. */
export interface Diversity {
  /** Mean over all pairs of 1 - shared words / all words. */
  readonly jaccardDistance: number;
  /** Share of different pairs of neighbouring words among all of them (distinct-2, Li et al. 2016). */
  readonly distinct2: number;
}

/** @returns `undefined` for fewer than two texts: there is nothing to compare. */
export function diversityOf(texts: readonly string[]): Diversity | undefined {
  if (texts.length < 2) return undefined;
  const words = texts.map(wordsOf);
  const sets = words.map((list) => new Set(list));
  let [sum, pairs] = [0, 0];
  for (let a = 0; a < sets.length; a++) {
    for (let b = a + 1; b < sets.length; b++) {
      sum += jaccardDistance(sets[a]!, sets[b]!);
      pairs++;
    }
  }
  const bigrams = words.flatMap((list) => list.slice(1).map((word, i) => `${list[i]} ${word}`));
  return {
    jaccardDistance: sum / pairs,
    distinct2: bigrams.length === 0 ? 0 : new Set(bigrams).size / bigrams.length,
  };
}

/** The mean of each figure over queries; those with fewer than two candidates do not count. */
export function meanDiversity(candidates: readonly (readonly string[])[]): Diversity | undefined {
  const each = candidates.map(diversityOf).filter((one) => one !== undefined);
  if (each.length === 0) return undefined;
  const mean = (field: keyof Diversity) => each.reduce((sum, one) => sum + one[field], 0) / each.length;
  return { jaccardDistance: mean('jaccardDistance'), distinct2: mean('distinct2') };
}

const wordsOf = (text: string): string[] => text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [];

function jaccardDistance(a: ReadonlySet<string>, b: ReadonlySet<string>): number {
  const shared = [...a].filter((word) => b.has(word)).length;
  const all = a.size + b.size - shared;
  return all === 0 ? 0 : 1 - shared / all;
}
