/** Three thoughts of one query written together, against one. */
import { loadEmbedder, thoughtOf } from '../lib/embedder.mjs';
import { QUERY } from '../lib/texts.mjs';
import { takeTurns, timed } from '../lib/timing.mjs';

const TOKENS = 64;

/** @param {import('../lib/report.mjs').Report} report */
export async function run(report) {
  for (const mode of /** @type {const} */ (['int8', 'int4'])) await compare(report, mode);
}

/**
 * @param {import('../lib/report.mjs').Report} report
 * @param {'int8' | 'int4'} mode
 */
async function compare(report, mode) {
  const o1 = await loadEmbedder(mode);
  try {
    // Sampled, as three thoughts always are: greedy ones would be three times the same.
    const settings = { ...thoughtOf(TOKENS), temperature: 0.6, seed: 1 };
    const { three, one } = await takeTurns({
      three: () => timed(() => o1.embedQuery(QUERY, { ...settings, thoughts: 3 })),
      one: () => timed(() => o1.embedQuery(QUERY, settings)),
    });
    report.row({
      what: `query with three thoughts, ${mode}`,
      unit: 'ms',
      ours: three,
      peer: one,
      peerName: 'ours with one thought',
      target: '>= 0.5',
    });
    report.row({
      what: `time of three thoughts / time of one, ${mode}`,
      unit: 'times',
      ours: three / one,
      target: 'ours <= 2.0',
    });
  } finally {
    await o1.close();
  }
}
