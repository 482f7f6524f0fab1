/** Runs calls one after another, in the order in which they came. */
export class CallQueue {
  #last: Promise<unknown> = Promise.resolve();

  /** Waits for its turn and keeps it until `release` is called. */
  async turn(): Promise<() => void> {
    const before = this.#last;
    let release = () => {};
    this.#last = new Promise<void>((resolve) => {
      release = resolve;
    });
    await before;
    return release;
  }

  async run<T>(call: () => Promise<T>): Promise<T> {
    const release = await this.turn();
    try {
      return await call();
    } finally {
      release();
    }
  }
}
