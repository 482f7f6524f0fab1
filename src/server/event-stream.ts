/**
 * Events that one side pushes and the other iterates, once.
 *
 * Leaving the loop early calls `onLeave`. A failure is thrown at once: events that nobody has read yet are dropped.
 */
export class EventStream<T> implements AsyncIterableIterator<T> {
  readonly #events: T[] = [];
  readonly #onLeave: (() => void) | undefined;
  #ended = false;
  #failure: { readonly error: unknown } | undefined;
  #wake: (() => void) | undefined;

  constructor(onLeave?: () => void) {
    this.#onLeave = onLeave;
  }

  /** Whether nothing more will come. */
  get ended(): boolean {
    return this.#ended;
  }

  push(event: T): void {
    if (this.#ended) return;
    this.#events.push(event);
    this.#wake?.();
  }

  end(): void {
    this.#ended = true;
    this.#wake?.();
  }

  fail(error: unknown): void {
    if (this.#ended) return;
    this.#failure = { error };
    this.#events.length = 0;
    this.end();
  }

  async next(): Promise<IteratorResult<T, undefined>> {
    while (this.#events.length === 0 && !this.#ended) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    if (this.#events.length > 0) return { done: false, value: this.#events.shift()! };
    const failure = this.#failure;
    this.#failure = undefined;
    if (failure) throw failure.error;
    return { done: true, value: undefined };
  }

  async return(): Promise<IteratorResult<T, undefined>> {
    const early = !this.#ended;
    this.#events.length = 0;
    this.end();
    if (early) this.#onLeave?.();
    return { done: true, value: undefined };
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}
