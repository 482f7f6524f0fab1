/**
 * Ways to think with the default adapter on the Node API set, each with the share of the instant vector that is best on dev, and what
 * the same choice gives on test: nDCG@10. The first row is the instant vector. An expert's thoughts stand in the last.
 */
import { dot, finalVector } from '../../dist/embedder/index.js';
import { mean, ndcg } from '../../dist/metrics/index.js';
import { loadEmbedder } from '../lib/embedder.mjs';
import { corpus, expertThoughts, queries } from '../lib/texts.mjs';

/** @type {readonly { thoughts: number, temperature: number, maxTokens?: number }[]} */
const WAYS = [
  { thoughts: 1, temperature: 0 },
  { thoughts: 3, temperature: 0.6 },
  { thoughts: 3, temperature: 0.6, maxTokens: 24 },
  { thoughts: 6, temperature: 0.6, maxTokens: 24 },
  { thoughts: 4, temperature: 0.6, maxTokens: 16 },
  { thoughts: 6, temperature: 0.6, maxTokens: 16 },
];
const INSTANT_WEIGHTS = [0, 0.25, 0.5, 0.75];

/** @typedef {import('../../dist/embedder/index.js').QueryEmbedding} QueryEmbedding */
/** @typedef {ReturnType<typeof queries>} Split */

/** @param {import('../lib/report.mjs').Report} report */
export async function run(report) {
  const o1 = await loadEmbedder('int8');
  try {
    const documents = corpus();
    const ids = [...documents.keys()];
    const vectors = await o1.embedDocuments([...documents.values()]);
    /** @param {Split} split @param {readonly Float32Array[]} found */
    const score = ({ texts, qrels }, found) => {
      const run = [...texts.keys()].map((query, i) => {
        const hits = vectors.map((vector, j) => ({ id: ids[j] ?? '', score: dot(found[i] ?? [], vector) }));
        return /** @type {const} */ ([query, hits]);
      });
      return mean(ndcg(new Map(run), qrels, 10));
    };
    const [dev, test] = [queries('dev'), queries('test')];
    /** @param {string} what @param {number} onDev @param {number} onTest */
    const row = (what, onDev, onTest) => {
      report.row({ what: `${what}, dev`, unit: 'nDCG@10', ours: onDev });
      report.row({ what: `${what}, test`, unit: 'nDCG@10', ours: onTest });
    };

    /** @param {Split} split */
    const instant = async ({ texts }) =>
      (await o1.embedQueries([...texts.values()], { think: 'never' })).map(({ vector }) => vector);
    row('instant', score(dev, await instant(dev)), score(test, await instant(test)));

    for (const { thoughts, temperature, maxTokens = o1.settings.lengths.thought } of WAYS) {
      const way = { thoughts, temperature, maxTokens };
      /** @param {Split} split */
      const thinking = ({ texts }) => o1.embedQueries([...texts.values()], { ...way, topP: 1, think: 'always' });
      const [devThoughts, testThoughts] = [await thinking(dev), await thinking(test)];
      const scored = INSTANT_WEIGHTS.map((weight) => ({ weight, onDev: score(dev, weighted(devThoughts, weight)) }));
      const best = scored.reduce((a, b) => (b.onDev > a.onDev ? b : a));
      const name = `${thoughts} thought(s), temperature ${temperature}, at most ${maxTokens} tokens`;
      for (const weight of new Set([0, best.weight])) {
        const onDev = score(dev, weighted(devThoughts, weight));
        row(`${name}, instant weight ${weight}`, onDev, score(test, weighted(testThoughts, weight)));
      }
    }

    const expert = expertThoughts('eval');
    /** @param {Split} split */
    const given = async ({ texts }) => {
      const found = [];
      for (const [id, text] of texts) found.push((await o1.embedQuery(text, { thought: expert.get(id) })).vector);
      return found;
    };
    row("an expert's thought", score(dev, await given(dev)), score(test, await given(test)));
  } finally {
    await o1.close();
  }
}

/** @param {readonly QueryEmbedding[]} embeddings @param {number} instantWeight */
const weighted = (embeddings, instantWeight) =>
  embeddings.map(({ instant, thoughts }) =>
    finalVector(
      instant,
      thoughts.map(({ vector }) => vector),
      instantWeight,
    ),
  );
