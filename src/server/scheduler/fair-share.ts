/**
 * Two kinds of work share one model by time, half and half while both have something to do.
 *
 * Each kind has a clock of the milliseconds it was given; the one that is behind comes next. A kind that had nothing to do
 * starts again level with the other: what it did not use is not saved up. When nobody had anything to do, both start afresh.
 */
export class FairShare<Kind extends string> {
  readonly #spent: Map<Kind, number>;
  #busy = new Set<Kind>();

  /** @param kinds where both have been given the same time, the earlier one comes first. */
  constructor(kinds: readonly Kind[]) {
    this.#spent = new Map(kinds.map((kind) => [kind, 0]));
  }

  /** The kind whose turn it is among those with work, or nothing. */
  choose(busy: readonly Kind[]): Kind | undefined {
    if (this.#busy.size === 0) for (const kind of this.#spent.keys()) this.#spent.set(kind, 0);
    const level = Math.max(0, ...[...this.#busy].map((kind) => this.#spent.get(kind)!));
    for (const kind of busy) {
      // One that was away for a moment still owes what it had beyond its half.
      if (!this.#busy.has(kind)) this.#spent.set(kind, Math.max(this.#spent.get(kind)!, level));
    }
    this.#busy = new Set(busy);
    let next: Kind | undefined;
    for (const [kind, spent] of this.#spent) {
      if (this.#busy.has(kind) && (next === undefined || spent < this.#spent.get(next)!)) next = kind;
    }
    return next;
  }

  spend(kind: Kind, milliseconds: number): void {
    this.#spent.set(kind, this.#spent.get(kind)! + milliseconds);
  }
}
