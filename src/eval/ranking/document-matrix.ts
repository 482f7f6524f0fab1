import { InvalidInputError } from '../../errors.js';
import type { ScoredDocument } from '../../metrics/index.js';

/** Vectors of a corpus, searched by reading all of them. */
export class DocumentMatrix {
  readonly ids: readonly string[];
  readonly dimensions: number;
  /** `[documents, dimensions]` */
  readonly #values: Float32Array;

  constructor(ids: readonly string[], vectors: readonly Float32Array[]) {
    if (ids.length !== vectors.length || ids.length === 0) {
      throw new InvalidInputError(`expected a vector for each document, got ${vectors.length} for ${ids.length}.`);
    }
    this.ids = ids;
    this.dimensions = vectors[0]!.length;
    this.#values = new Float32Array(ids.length * this.dimensions);
    for (const [i, vector] of vectors.entries()) this.#values.set(vector, i * this.dimensions);
  }

  /** Inner product of every document with the query, in the order of `ids`. */
  scores(query: Float32Array): Float32Array {
    const [values, dimensions] = [this.#values, this.dimensions];
    const scores = new Float32Array(this.ids.length);
    for (let document = 0; document < scores.length; document++) {
      let sum = 0;
      const start = document * dimensions;
      for (let i = 0; i < dimensions; i++) sum += values[start + i]! * query[i]!;
      scores[document] = sum;
    }
    return scores;
  }

  /** The k best documents, best first. */
  search(query: Float32Array, k: number): ScoredDocument[] {
    return topOf(this.ids, this.scores(query), k);
  }
}

/** The k ids of highest score, best first; equal scores in the order of the ids. */
export function topOf(ids: readonly string[], scores: Float32Array, k: number): ScoredDocument[] {
  // A typed array is sorted much faster than a list of indices: it finds the least score that can be among the best.
  const least = k >= scores.length ? Number.NEGATIVE_INFINITY : scores.slice().sort()[scores.length - k]!;
  const found: number[] = [];
  for (let i = 0; i < scores.length; i++) if (scores[i]! >= least) found.push(i);
  found.sort((a, b) => scores[b]! - scores[a]! || a - b);
  return found.slice(0, k).map((i) => ({ id: ids[i]!, score: scores[i]! }));
}
