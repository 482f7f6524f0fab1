/** A query from text to final vector, with a thought of 64 tokens, against generating and encoding again in Python. */
import { loadEmbedder, thoughtOf } from '../lib/embedder.mjs';
import { modelFiles, OUR_THREADS } from '../lib/model.mjs';
import { startTransformers, TRANSFORMERS } from '../lib/peers.mjs';
import { QUERY } from '../lib/texts.mjs';
import { bestSetting, takeTurns, timed } from '../lib/timing.mjs';

const TOKENS = 64;
/** Enough to see which number of threads is better. */
const TRIAL_TOKENS = 16;

/** @param {import('../lib/report.mjs').Report} report */
export async function run(report) {
  const int4 = await loadEmbedder('int4');
  const int8 = await loadEmbedder('int8');
  const peer = await startTransformers(report, (await modelFiles()).path);
  try {
    const setting =
      peer &&
      (await bestSetting([1, 2], async (threads) => 1 / (await askPeer(peer, int4.settings, threads, TRIAL_TOKENS))));
    if (setting) report.note(`${TRANSFORMERS}: best with ${setting.best} threads; ours with ${OUR_THREADS}`);

    const result = await takeTurns({
      int4: () => timed(() => int4.embedQuery(QUERY, thoughtOf(TOKENS))),
      int8: () => timed(() => int8.embedQuery(QUERY, thoughtOf(TOKENS))),
      peer: setting && (() => askPeer(peer, int4.settings, setting.best, TOKENS)),
    });
    for (const mode of /** @type {const} */ (['int4', 'int8'])) {
      report.row({
        what: `query with a thought of ${TOKENS} tokens, ${mode}`,
        unit: 'ms',
        ours: result[mode],
        peer: result.peer,
        peerName: `${TRANSFORMERS}, fp32`,
        ...(mode === 'int4' && { target: '>= 6' }),
      });
    }
  } finally {
    await peer?.close();
    await int4.close();
    await int8.close();
  }
}

/**
 * Milliseconds from text to vector.
 * @param {import('../lib/worker.mjs').Worker} peer
 * @param {import('../../dist/embedder/index.js').O1Settings} settings token ids and length limits of the sequence
 * @param {number} threads
 * @param {number} newTokens
 * @returns {Promise<number>}
 */
async function askPeer(peer, { tokens, lengths }, threads, newTokens) {
  const request = { text: QUERY, tokens, limit: lengths.query, newTokens, threads };
  return (await peer.call('query', request)).seconds * 1000;
}
