/** Tokens a second of document embedding, tokenising included, against transformers with the same care for padding. */
import { loadEmbedder } from '../lib/embedder.mjs';
import { modelFiles, OUR_THREADS } from '../lib/model.mjs';
import { startTransformers, TRANSFORMERS } from '../lib/peers.mjs';
import { documents } from '../lib/texts.mjs';
import { bestSetting, takeTurns, timed } from '../lib/timing.mjs';

/** Small batches are quickest for the peer: their activations stay in the cache. */
const PEER_SETTINGS = [1, 2].flatMap((threads) => {
  return [256, 512, 2048].map((maxBatchTokens) => ({ threads, maxBatchTokens }));
});

/** Documents on which the peer's best setting is found. */
const TRIAL = 24;

/** @param {import('../lib/report.mjs').Report} report */
export async function run(report) {
  const texts = documents();
  const [fp32, int8, int4] = await Promise.all([loadEmbedder('fp32'), loadEmbedder('int8'), loadEmbedder('int4')]);
  const peer = await startTransformers(report, (await modelFiles()).path);
  try {
    const setting =
      peer && (await bestSetting(PEER_SETTINGS, (each) => askPeer(peer, fp32.settings, texts.slice(0, TRIAL), each)));
    if (setting) {
      report.note(`${TRANSFORMERS}: best with ${JSON.stringify(setting.best)}; ours with ${OUR_THREADS} threads`);
    }
    report.note(`${texts.length} documents, sorted by length on both sides`);

    const result = await takeTurns(
      {
        fp32: () => askOurs(fp32, texts),
        int8: () => askOurs(int8, texts),
        int4: () => askOurs(int4, texts),
        peer: setting && (() => askPeer(peer, fp32.settings, texts, setting.best)),
      },
      { repetitions: 3 },
    );
    for (const mode of /** @type {const} */ (['fp32', 'int8', 'int4'])) {
      report.row({
        what: `documents, ${mode}`,
        unit: 'tokens/s',
        ours: result[mode],
        peer: result.peer,
        peerName: `${TRANSFORMERS}, fp32`,
        ...(mode === 'fp32' && { target: '>= 1.3' }),
      });
    }
  } finally {
    await peer?.close();
    for (const o1 of [fp32, int8, int4]) await o1.close();
  }
}

/**
 * Tokens a second, the two marks of each document included.
 * @param {import('../../dist/embedder/index.js').O1Embedder} o1
 * @param {readonly string[]} texts
 * @returns {Promise<number>}
 */
async function askOurs(o1, texts) {
  let read = 0;
  const milliseconds = await timed(() =>
    o1.embedDocuments(texts, {
      onProgress: ({ tokens }) => {
        read = tokens;
      },
    }),
  );
  return read / (milliseconds / 1000);
}

/**
 * The same of the peer.
 * @param {import('../lib/worker.mjs').Worker} peer
 * @param {import('../../dist/embedder/index.js').O1Settings} settings token ids and length limits of the sequences
 * @param {readonly string[]} texts
 * @param {{ threads: number, maxBatchTokens: number }} setting
 * @returns {Promise<number>}
 */
async function askPeer(peer, { tokens, lengths }, texts, setting) {
  const answer = await peer.call('documents', { texts, tokens, limit: lengths.document, ...setting });
  return answer.tokens / answer.seconds;
}
