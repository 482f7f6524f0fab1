/** So many of the last finished requests tell how quickly a queue is worked off. */
const REMEMBERED = 16;

/** No caller is sent away for longer than this: the load may be gone by then. */
const LONGEST_SECONDS = 60;

/** How quickly requests are finished, to tell a caller when there will be room. */
export class Pace {
  readonly #finished: number[] = [];

  /** @param now milliseconds of any clock that only goes forward. */
  finished(now: number): void {
    this.#finished.push(now);
    if (this.#finished.length > REMEMBERED) this.#finished.shift();
  }

  /** When so many requests will have been worked off at the present pace: whole seconds, from 1 to 60. */
  secondsFor(requests: number, now: number): number {
    const [first] = this.#finished;
    if (first === undefined) return 1;
    const seconds = (((now - first) / this.#finished.length) * requests) / 1000;
    return Math.min(LONGEST_SECONDS, Math.max(1, Math.ceil(seconds)));
  }
}
