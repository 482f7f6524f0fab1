import type { RetrievalSet } from '../../search/index.js';
import { fraction } from '../seeded.js';

/** An in-context pair. */
export interface Example {
  /** Of the query. */
  readonly id: string;
  readonly query: string;
  /** The document that answers it, cut to the length of a thought. */
  readonly positive: string;
}

/** With one place a pair, some would be drawn nine times as often as the mean of 10,000; eight even that out. */
const PLACES_OF_A_PAIR = 8;

/**
 * In-context pairs, ready for drawing: the cost of a draw does not grow with their number.
 *
 * A pair stands at some places of a circle, by hashes of its id; a draw begins at a hash of the query and the seed, and takes the
 * next pair that it may (consistent hashing, Karger et al. 1997). So a pair that is added, or goes, changes the draws that begin
 * right before it and no others: most questions stay those that were answered before.
 */
export class ExamplePool {
  readonly #qrels: RetrievalSet['qrels'];
  /** In the order of the circle. */
  readonly #places: readonly { readonly at: number; readonly example: Example }[];

  constructor(examples: readonly Example[], qrels: RetrievalSet['qrels']) {
    this.#qrels = qrels;
    this.#places = examples
      .flatMap((example) =>
        Array.from({ length: PLACES_OF_A_PAIR }, (_, place) => ({ at: fraction('pair', example.id, place), example })),
      )
      .sort((a, b) => a.at - b.at);
  }

  /**
   * Draws `count` pairs for a query, or as many as there are: no pair twice, not its own, none whose document also answers it.
   * They follow from the pairs, the query's id and the seed alone.
   */
  draw(queryId: string, { count, seed }: { readonly count: number; readonly seed: readonly unknown[] }): Example[] {
    const drawn: Example[] = [];
    for (let number = 0; number < count; number++) {
      const example = this.#next(
        fraction('draw', ...seed, queryId, number),
        (one) => !drawn.includes(one) && !this.#answers(one, queryId),
      );
      if (!example) break;
      drawn.push(example);
    }
    return drawn;
  }

  /** The first pair from a place on, once around the circle, that may be taken. */
  #next(from: number, mayTake: (example: Example) => boolean): Example | undefined {
    const start = this.#firstFrom(from);
    for (let step = 0; step < this.#places.length; step++) {
      const { example } = this.#places[(start + step) % this.#places.length]!;
      if (mayTake(example)) return example;
    }
    return undefined;
  }

  #firstFrom(from: number): number {
    let [low, high] = [0, this.#places.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#places[middle]!.at < from) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** It is the query's own pair, or of a query with a document that is relevant to both. */
  #answers({ id }: Example, queryId: string): boolean {
    if (id === queryId) return true;
    const own = this.#qrels.get(queryId);
    return [...(this.#qrels.get(id) ?? [])].some(([document, grade]) => grade > 0 && (own?.get(document) ?? 0) > 0);
  }
}
