/**
 * Thoughts, instant queries and documents at twice the rate that the server can answer: nothing may break, nothing may be
 * left without an answer or a refusal, and memory must not grow.
 */
import { documents, testQueries } from '../lib/texts.mjs';
import { closedLoop, Server } from './serve-clients.mjs';

/**
 * Requests that measure what the server can answer, after some that are not counted. The clients are so many that it is never idle
 * (more think than it writes thoughts at a time), and fewer than make it refuse.
 */
const CAPACITY_REQUESTS = 240;
const WARM_UP_REQUESTS = 60;
const CAPACITY_CLIENTS = 48;
/** Of how much capacity the load is. */
const OVERLOAD = 2;
/** Memory is compared with that of this minute: by then everything has been used once. In a shorter run, with a fifth of it. */
const BASELINE_MINUTE = 2;
/** An answer that has not come by then does not come. */
const PATIENCE_MS = 120_000;
const REFUSALS = [429, 503];

/**
 * @param {import('../lib/report.mjs').Report} report
 * @param {{ minutes?: number | undefined }} [options]
 */
export async function run(report, { minutes = 10 } = {}) {
  const queries = [...testQueries().queries.values()];
  const texts = documents();
  const server = await Server.start();
  /** Four of ten think, five are instant, one has eight documents. @param {number} nth */
  const ask = (nth) => {
    const query = /** @type {string} */ (queries[nth % queries.length]);
    if (nth % 10 < 4) return server.think(query, nth);
    if (nth % 10 < 9) return server.instant(query);
    return server.documents(
      Array.from({ length: 8 }, (_, i) => /** @type {string} */ (texts[(nth + i) % texts.length])),
    );
  };
  try {
    await closedLoop(CAPACITY_CLIENTS, WARM_UP_REQUESTS, ask);
    const capacity = await closedLoop(CAPACITY_CLIENTS, CAPACITY_REQUESTS, ask);
    const rate = OVERLOAD * capacity;
    report.note(
      `the server answers ${capacity.toFixed(1)} mixed requests/s; asking ${rate.toFixed(1)}/s for ${minutes} min`,
    );
    const { asked, counts, failures, baseline, memories, last } = await openLoop(server, ask, rate, minutes * 60_000);
    report.note(`asked ${(asked / (minutes * 60)).toFixed(1)} times a second`);
    report.note(
      `resident memory, MiB, minute by minute: ${memories.map((bytes) => Math.round(bytes / 2 ** 20)).join(', ')}`,
    );
    const said = [...counts].map(([status, count]) => `${count} times ${status}`).join(', ');
    report.note(`answers: ${said}; failed connections: ${failures.length}${failures[0] ? ` (${failures[0]})` : ''}`);
    const refused = REFUSALS.reduce((sum, status) => sum + (counts.get(status) ?? 0), 0);
    if (refused === 0) report.note('nothing was refused: the load was not more than the server can answer');
    const wrong = [...counts].filter(([status]) => status !== 200 && !REFUSALS.includes(status));
    report.row({
      what: 'requests neither answered nor refused',
      unit: 'times',
      ours: failures.length + wrong.reduce((sum, [, count]) => sum + count, 0),
      target: 'ours = 0',
    });
    report.row({
      what: `resident memory at the end / at minute ${Math.min(BASELINE_MINUTE, minutes / 5)}`,
      unit: 'times',
      ours: last / baseline,
      target: 'ours <= 1.1',
    });
  } finally {
    const code = await server.stop();
    report.note(`exit code after SIGTERM: ${code}`);
  }
}

/**
 * Asks at a fixed rate, whether or not the answers keep up.
 * @param {Server} server
 * @param {(nth: number) => ReturnType<Server['post']>} ask
 * @param {number} rate requests a second
 * @param {number} milliseconds
 */
async function openLoop(server, ask, rate, milliseconds) {
  /** @type {Map<number, number>} */
  const counts = new Map();
  /** @type {string[]} */
  const failures = [];
  /** @type {Set<Promise<void>>} */
  const open = new Set();
  const start = performance.now();
  const baselineAt = Math.min(BASELINE_MINUTE * 60_000, milliseconds / 5);
  let baseline = Number.NaN;
  /** @type {number[]} */
  const memories = [];
  let nth = 0;
  for (; performance.now() - start < milliseconds; nth++) {
    const asked = ask(nth)
      .then(
        ({ status }) => void counts.set(status, (counts.get(status) ?? 0) + 1),
        (error) => void failures.push(String(error.cause ?? error)),
      )
      .finally(() => open.delete(asked));
    open.add(asked);
    const passed = performance.now() - start;
    if (Number.isNaN(baseline) && passed >= baselineAt) baseline = await server.memory();
    if (passed >= (memories.length + 1) * 60_000) memories.push(await server.memory());
    if (!server.alive) throw new Error(`the server ended after ${(passed / 1000).toFixed(0)} s of load`);
    const due = ((nth + 1) * 1000) / rate - (performance.now() - start);
    await new Promise((resolve) => setTimeout(resolve, Math.max(0, due)));
  }
  const last = await server.memory();
  memories.push(last);
  const patience = new Promise((_, reject) => {
    setTimeout(
      () => reject(new Error(`${open.size} requests had no answer after ${PATIENCE_MS / 1000} s`)),
      PATIENCE_MS,
    ).unref();
  });
  await Promise.race([Promise.all(open), patience]);
  return { asked: nth, counts, failures, baseline, memories, last };
}
