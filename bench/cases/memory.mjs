/** Peak resident memory of a process that loads the model and embeds one query with a thought. */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { openAdapter } from '../../dist/embedder/index.js';
import { modelFiles, OUR_THREADS } from '../lib/model.mjs';
import { startTransformers, TRANSFORMERS } from '../lib/peers.mjs';
import { QUERY } from '../lib/texts.mjs';

const GIB = 2 ** 30;

/** @param {import('../lib/report.mjs').Report} report */
export async function run(report) {
  const peer = await startTransformers(report, (await modelFiles()).path);
  let peerBytes = null;
  try {
    if (peer) {
      const { tokens, lengths } = (await openAdapter()).settings;
      await peer.call('query', { text: QUERY, tokens, limit: lengths.query, newTokens: 64, threads: OUR_THREADS });
      peerBytes = (await peer.call('memory')).bytes;
    }
  } finally {
    await peer?.close();
  }
  const script = fileURLToPath(new URL('../lib/one-query.mjs', import.meta.url));
  for (const mode of ['int4', 'int8']) {
    const { stdout } = await promisify(execFile)(process.execPath, [script, mode]);
    report.row({
      what: `peak memory of one query with a thought, ${mode}`,
      unit: 'GiB',
      ours: Number(stdout) / GIB,
      peer: peerBytes === null ? null : peerBytes / GIB,
      peerName: `${TRANSFORMERS}, fp32`,
      target: 'ours <= 1.2',
    });
  }
}
