/**
 * Where a bench puts what it found: with `--json` each row goes out at once as a line of its own and notes go to stderr,
 * otherwise rows and notes are kept for the table.
 */
import { row } from './stats.mjs';
import { table } from './table.mjs';

export class Report {
  /** @type {import('./stats.mjs').Row[]} */
  #rows = [];
  /** @type {(string | null)[]} */
  #targets = [];
  #bench;
  #json;

  /** @param {string} bench its name @param {boolean} json */
  constructor(bench, json) {
    this.#bench = bench;
    this.#json = json;
  }

  /**
   * @param {Omit<Parameters<typeof row>[0], 'bench'> & { target?: string }} parts `target`: what the project set itself to
   * reach, shown in the table only
   */
  row({ target, ...parts }) {
    const found = row({ bench: this.#bench, ...parts });
    this.#rows.push(found);
    this.#targets.push(target ?? null);
    if (this.#json) console.log(JSON.stringify(found));
  }

  /** A setting or a reservation that belongs to the figures. @param {string} text */
  note(text) {
    if (this.#json) console.error(`${this.#bench}: ${text}`);
    else console.log(`${this.#bench}: ${text}`);
  }

  /** Prints the table, unless the rows were printed one by one. */
  finish() {
    if (this.#json) return;
    const header = ['what', 'unit', 'ours', 'peer', 'times better', 'target', 'peer name'];
    const lines = this.#rows.map(({ what, unit, ours, peer, peerName, ratio }, index) => {
      return [what, unit, ours, peer, ratio, this.#targets[index] ?? null, peerName];
    });
    console.log(`\n${table(header, lines)}\n`);
  }
}
