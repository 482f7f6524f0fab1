/** What the int8 and int4 modes cost in quality: nDCG@10 of the instant vectors on the Node API set's test queries. */
import { dot } from '../../dist/embedder/index.js';
import { mean, ndcg } from '../../dist/metrics/index.js';
import { loadEmbedder } from '../lib/embedder.mjs';
import { corpus, testQueries } from '../lib/texts.mjs';

/** @param {import('../lib/report.mjs').Report} report */
export async function run(report) {
  const fp32 = await instantNdcg('fp32');
  for (const mode of /** @type {const} */ (['int8', 'int4'])) {
    report.row({
      what: `instant vectors, ${mode}`,
      unit: 'nDCG@10',
      ours: await instantNdcg(mode),
      peer: fp32,
      peerName: 'ours in fp32',
      target: 'within .005',
    });
  }
}

/**
 * Documents and queries in the same mode, every document scored.
 * @param {'fp32' | 'int8' | 'int4'} mode
 * @returns {Promise<number>}
 */
async function instantNdcg(mode) {
  const documents = corpus();
  const { queries, qrels } = testQueries();
  const o1 = await loadEmbedder(mode);
  try {
    const ids = [...documents.keys()];
    const vectors = await o1.embedDocuments([...documents.values()]);
    const run = new Map();
    for (const [id, text] of queries) {
      const { instant } = await o1.embedQuery(text, { think: 'never' });
      const scores = vectors.map((vector, index) => ({ id: ids[index] ?? '', score: dot(instant, vector) }));
      run.set(id, scores);
    }
    return mean(ndcg(run, qrels, 10));
  } finally {
    await o1.close();
  }
}
