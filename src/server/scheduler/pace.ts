/** So many of the last finished requests tell how quickly a queue is worked off. */
const REMEMBERED = 16;

/** No caller is sent away for longer than this: the load may be gone by then. */
const LONGEST_SECONDS = 60;

/** How quickly requests are finished while there are any, to tell a caller when there will be room. */
export class Pace {
  /** When the last ones were finished; before them, when the work began or the one before was finished. */
  #times: number[] = [];

  /** Work begins after a pause: what was before it says nothing of the pace. @param now milliseconds of any clock. */
  begin(now: number): void {
    this.#times = [now];
  }

  /** A request was answered. */
  finished(now: number): void {
    this.#times.push(now);
    if (this.#times.length > REMEMBERED + 1) this.#times.shift();
  }

  /** When so many requests will have been worked off at the present pace: whole seconds, from 1 to 60. */
  secondsFor(requests: number, now: number): number {
    const finished = this.#times.length - 1;
    if (finished < 1) return 1;
    const seconds = (((now - this.#times[0]!) / finished) * requests) / 1000;
    return Math.min(LONGEST_SECONDS, Math.max(1, Math.ceil(seconds)));
  }
}
