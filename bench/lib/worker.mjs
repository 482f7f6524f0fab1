/**
 * A peer in a process of its own: one JSON object a line in (`{ "method", "params" }`), one out (`{ "result" }` or
 * `{ "error" }`). The worker measures its own times, so the pipe costs nothing. What else it prints goes to stderr.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

export class Worker {
  #child;
  #lines;
  /** @type {string[]} */
  #errors = [];

  /**
   * @param {string} command
   * @param {readonly string[]} args
   * @param {NodeJS.ProcessEnv} [env] added to this process's own
   */
  constructor(command, args, env = {}) {
    this.#child = spawn(command, args, { stdio: ['pipe', 'pipe', 'pipe'], env: { ...process.env, ...env } });
    this.#child.stderr.setEncoding('utf8').on('data', (text) => this.#errors.push(text));
    // A worker that is gone shows as the end of its output; the broken pipe itself says nothing more.
    this.#child.stdin.on('error', () => {});
    this.#child.on('error', (error) => this.#errors.push(error.message));
    this.#lines = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]();
  }

  /**
   * Asks for one thing and waits for it; calls must not overlap.
   * @param {string} method
   * @param {Record<string, unknown>} [params]
   * @returns {Promise<any>}
   */
  async call(method, params = {}) {
    this.#child.stdin.write(`${JSON.stringify({ method, params })}\n`);
    const { value, done } = await this.#lines.next();
    if (done)
      throw new Error(`${method}: the worker ended before it answered. It said: ${this.#errors.join('').trim()}`);
    const answer = JSON.parse(value);
    if (answer.error !== undefined) throw new Error(`${method}: ${answer.error}`);
    return answer.result;
  }

  /** Ends the worker's input, upon which it exits, and waits for that. */
  async close() {
    const exited =
      this.#child.exitCode === null && this.#child.pid !== undefined ? once(this.#child, 'exit') : undefined;
    this.#child.stdin.end();
    await exited;
  }
}
