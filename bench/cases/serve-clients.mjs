/** Clients of the serve benches: they start the server, ask it over loopback, and count. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

/**
 * @typedef {object} Outcome
 * @property {number} status 0 for a stream that ended without its final event
 * @property {number} milliseconds
 * @property {number} prefillMilliseconds of a query: how long it took to read it
 * @property {boolean} instant the answer is marked as made from the query alone
 */

export class Server {
  #child;

  /** @param {import('node:child_process').ChildProcess} child @param {string} address */
  constructor(child, address) {
    this.#child = child;
    this.address = address;
  }

  static async start() {
    const script = fileURLToPath(new URL('serve-process.mjs', import.meta.url));
    const child = spawn(process.execPath, [script], { stdio: ['pipe', 'pipe', 'inherit'] });
    for await (const line of createInterface({ input: child.stdout })) return new Server(child, line);
    throw new Error('the server ended before it listened');
  }

  /** Whether the process is still there. */
  get alive() {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** Resident memory in bytes, by the server's own metrics. */
  async memory() {
    const text = await (await fetch(`${this.address}/metrics`)).text();
    return Number(/^process_resident_memory_bytes (\S+)$/m.exec(text)?.[1]);
  }

  /** The longest run of the model since this was asked last, in ms. */
  async longestRun() {
    return Number(await (await fetch(`${this.address}/longest-run`)).text());
  }

  /** Stops it as an operator does, and gives its exit code. */
  async stop() {
    const ended = this.alive ? once(this.#child, 'exit') : undefined;
    this.#child.kill('SIGTERM');
    await ended;
    return this.#child.exitCode;
  }

  /**
   * Posts a request and reads the answer to its end.
   * @param {string} path
   * @param {object} json
   * @returns {Promise<Outcome>}
   */
  async post(path, json) {
    const start = performance.now();
    const response = await fetch(`${this.address}${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(json),
    });
    const body = await response.text();
    const milliseconds = performance.now() - start;
    const prefill = /"prefill_ms":([\d.]+)/.exec(body);
    const isStream = response.headers.get('content-type')?.startsWith('text/event-stream');
    const isComplete = !isStream || /^event: final$/m.test(body);
    return {
      status: isComplete ? response.status : 0,
      milliseconds,
      prefillMilliseconds: Number(prefill?.[1] ?? 0),
      instant: body.includes('"basis":"instant"'),
    };
  }

  /**
   * A thought about a query, sampled, so that no two are the same.
   * @param {string} query
   * @param {number} seed
   * @param {object} [more] further fields
   */
  think(query, seed, more = {}) {
    return this.post('/v1/thoughts', { query, think: 'always', thoughts: 1, temperature: 0.6, seed, ...more });
  }

  /** The instant vector of a query. @param {string} query */
  instant(query) {
    return this.post('/v1/embeddings', { model: 'o1-embedder', input: query, input_type: 'query', think: 'never' });
  }

  /** Vectors of documents. @param {readonly string[]} texts */
  documents(texts) {
    return this.post('/v1/embeddings', { model: 'o1-embedder', input: texts, encoding_format: 'base64' });
  }
}

/**
 * So many clients, each asking again as soon as it has its answer, until all have asked so often.
 * @param {number} clients
 * @param {number} requests of all clients together
 * @param {(nth: number) => Promise<Outcome>} ask
 * @returns {Promise<number>} requests a second
 */
export async function closedLoop(clients, requests, ask) {
  let next = 0;
  const start = performance.now();
  const client = async () => {
    while (next < requests) {
      const { status } = await ask(next++);
      if (status !== 200) throw new Error(`expected status 200, got ${status}`);
    }
  };
  await Promise.all(Array.from({ length: clients }, client));
  return requests / ((performance.now() - start) / 1000);
}

/**
 * Keeps so many clients asking while `work` goes on.
 * @template T
 * @param {number} clients
 * @param {(nth: number) => Promise<Outcome>} ask
 * @param {() => Promise<T>} work
 */
export async function meanwhile(clients, ask, work) {
  let over = false;
  let next = 0;
  const client = async () => {
    while (!over) await ask(next++);
  };
  const asking = Promise.all(Array.from({ length: clients }, client));
  try {
    return await work();
  } finally {
    over = true;
    await asking;
  }
}

/**
 * The value that so large a share of the values does not exceed.
 * @param {readonly number[]} values at least one
 * @param {number} share 0 to 1
 */
export function quantile(values, share) {
  const sorted = [...values].sort((a, b) => a - b);
  return /** @type {number} */ (sorted[Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1)]);
}
