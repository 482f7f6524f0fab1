/** The server under eight clients that think: throughput, what instant answers have to wait, and deadlines. */
import { documents, testQueries } from '../lib/texts.mjs';
import { takeTurns } from '../lib/timing.mjs';
import { closedLoop, meanwhile, quantile, Server } from './serve-clients.mjs';

const CLIENTS = 8;
/** Thoughts of one round of the throughput comparison. */
const THOUGHTS = 16;
/** Instant answers: enough for a 99th percentile that is not the slowest of all. */
const INSTANT_ANSWERS = 300;
const DEADLINE_MS = 50;
const DEADLINE_ANSWERS = 50;
/** Documents that fill one run of the scheduler, which is of 256 tokens. */
const CHUNK_DOCUMENTS = 2;

/** @param {import('../lib/report.mjs').Report} report */
export async function run(report) {
  const queries = [...testQueries().queries.values()];
  /** @param {number} nth */
  const query = (nth) => /** @type {string} */ (queries[nth % queries.length]);
  const server = await Server.start();
  try {
    let seed = 0;
    /** @param {number} nth */
    const think = (nth) => server.think(query(nth), seed++);
    await throughput(report, think);
    await instantAnswers(report, server, query, think);
    await deadlines(report, server, query, think);
  } finally {
    await server.stop();
  }
}

/**
 * @param {import('../lib/report.mjs').Report} report
 * @param {(nth: number) => ReturnType<Server['post']>} think
 */
async function throughput(report, think) {
  const { one, eight } = await takeTurns(
    { one: () => closedLoop(1, THOUGHTS, think), eight: () => closedLoop(CLIENTS, THOUGHTS, think) },
    { repetitions: 3 },
  );
  report.note(
    `thoughts of 64 tokens, k = 1, int8: ${one.toFixed(2)}/s one at a time, ${eight.toFixed(2)}/s with ${CLIENTS} clients`,
  );
  report.row({
    what: `thoughts a second, ${CLIENTS} clients / one at a time`,
    unit: 'times',
    ours: eight / one,
    target: 'ours >= 1.7',
  });
}

/**
 * @param {import('../lib/report.mjs').Report} report
 * @param {Server} server
 * @param {(nth: number) => string} query
 * @param {(nth: number) => ReturnType<Server['post']>} think
 */
async function instantAnswers(report, server, query, think) {
  const measure = async () => {
    const times = [];
    for (let nth = 0; nth < INSTANT_ANSWERS; nth++) times.push((await server.instant(query(nth))).milliseconds);
    return quantile(times, 0.99);
  };
  await measure();
  const idle = await measure();
  const busy = await meanwhile(CLIENTS, think, measure);
  report.row({
    what: `instant answer, p99, while ${CLIENTS} clients think`,
    unit: 'ms',
    ours: busy,
    peer: idle,
    peerName: 'idle p99',
    target: '>= 0.2',
  });
}

/**
 * A thought with a deadline, while others think and documents are embedded.
 * @param {import('../lib/report.mjs').Report} report
 * @param {Server} server
 * @param {(nth: number) => string} query
 * @param {(nth: number) => ReturnType<Server['post']>} think
 */
async function deadlines(report, server, query, think) {
  // The longest texts, which are cut to the longest that the model reads.
  const long = [...documents()].sort((a, b) => b.length - a.length).slice(0, CHUNK_DOCUMENTS);
  const embed = () => server.documents(long);
  const { times, instant, longestRun } = await meanwhile(2, embed, () =>
    meanwhile(CLIENTS, think, async () => {
      // A run beside so many clients takes longer than on a quiet machine: what counts are those of the same time.
      await server.longestRun();
      const times = [];
      let instant = 0;
      for (let nth = 0; nth < DEADLINE_ANSWERS; nth++) {
        const answer = await server.think(query(nth), nth, { deadline_ms: DEADLINE_MS });
        times.push(answer.milliseconds - Math.max(DEADLINE_MS, answer.prefillMilliseconds));
        if (answer.instant) instant++;
      }
      return { times, instant, longestRun: await server.longestRun() };
    }),
  );
  report.note(
    `wait beyond the deadline or the prefill: median ${quantile(times, 0.5).toFixed(0)} ms, p95 ${quantile(times, 0.95).toFixed(0)} ms; ` +
      `${instant} of ${DEADLINE_ANSWERS} answers marked as instant`,
  );
  report.row({
    what: `answer with a deadline of ${DEADLINE_MS} ms under load: wait beyond it or beyond the prefill, the worst of ${DEADLINE_ANSWERS}`,
    unit: 'ms',
    ours: Math.max(...times),
    peer: longestRun,
    peerName: 'longest run meanwhile',
    target: '>= 1',
  });
}
