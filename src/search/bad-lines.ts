import { InvalidInputError } from '../errors.js';

/** How many bad lines are kept word for word. */
const KEPT = 5;

/**
 * Collects the bad lines of a file, so that reading goes on past them. Without one, a reader throws at the first.
 */
export class BadLines {
  #count = 0;
  readonly #first: InvalidInputError[] = [];

  /** How many lines were left out. */
  get count(): number {
    return this.#count;
  }

  /** What was wrong with the first few. */
  get first(): readonly InvalidInputError[] {
    return this.#first;
  }

  add(error: InvalidInputError): void {
    this.#count++;
    if (this.#first.length < KEPT) this.#first.push(error);
  }
}

/** Runs `parse`; a bad line goes to `badLines` and gives `undefined`, or is thrown where there is no collector. */
export function parseLine<T>(badLines: BadLines | undefined, parse: () => T): T | undefined {
  try {
    return parse();
  } catch (error) {
    if (!badLines || !(error instanceof InvalidInputError)) throw error;
    badLines.add(error);
    return undefined;
  }
}
