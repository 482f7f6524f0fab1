/** The rate is a mean over this time: longer than one batch of documents takes on a slow machine. */
const WINDOW_MS = 30_000;

/** How fast work goes, from the amounts done at the times it was told of. */
export class Pace {
  readonly #samples: { readonly time: number; readonly amount: number }[] = [];

  /** @param time in ms. */
  add(time: number, amount: number): void {
    this.#samples.push({ time, amount });
    while (this.#samples.length > 2 && time - this.#samples[0]!.time > WINDOW_MS) this.#samples.shift();
  }

  /** Amount a second; `undefined` while nothing has moved. */
  get perSecond(): number | undefined {
    const first = this.#samples[0];
    const last = this.#samples.at(-1);
    if (!first || !last || last.time === first.time || last.amount <= first.amount) return undefined;
    return ((last.amount - first.amount) * 1000) / (last.time - first.time);
  }
}
