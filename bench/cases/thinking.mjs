/**
 * Ways to think with the default adapter on the dev queries of its two tasks: nDCG@10 with the first one, two and four of four sampled
 * thoughts, each with four shares of the instant vector in the final one. From this the adapter's own way was chosen. Test is not read.
 */
import { fileURLToPath } from 'node:url';
import { finalVector } from '../../dist/embedder/index.js';
import { mean, ndcg } from '../../dist/metrics/index.js';
import { loadBeir } from '../../dist/search/index.js';
import { loadEmbedder, searchable } from '../lib/embedder.mjs';

/** Of SciFact, whose abstracts are long, every fifth document and those judged. */
const SETS = [
  { name: 'node-api', documentStep: 1 },
  { name: 'scifact', documentStep: 5 },
];
const WAY = /** @type {const} */ ({ think: 'always', thoughts: 4, temperature: 0.6, topP: 1, maxTokens: 32 });
const COUNTS = [1, 2, 4];
const INSTANT_WEIGHTS = [0, 0.25, 0.5, 0.75];

/** @param {import('../lib/report.mjs').Report} report */
export async function run(report) {
  const o1 = await loadEmbedder('int8');
  try {
    for (const { name, documentStep } of SETS) {
      const folder = fileURLToPath(new URL(`../../data/${name}`, import.meta.url));
      const { documents: all, queries, qrels } = await loadBeir(folder, 'dev');
      const judged = new Set([...qrels.values()].flatMap((grades) => [...grades.keys()]));
      const documents = all.filter(({ id }, i) => i % documentStep === 0 || judged.has(id));
      const matrix = await searchable(o1, documents);
      const embeddings = await o1.embedQueries(
        queries.map(({ text }) => text),
        WAY,
      );
      /** @param {string} what @param {(query: QueryEmbedding) => Float32Array} vectorOf */
      const row = (what, vectorOf) => {
        const hits = embeddings.map(
          (query, i) => /** @type {const} */ ([queries[i]?.id ?? '', matrix.search(vectorOf(query), 10)]),
        );
        report.row({ what: `${name}, ${what}`, unit: 'nDCG@10', ours: mean(ndcg(new Map(hits), qrels, 10)) });
      };
      row(`instant, among ${documents.length} documents`, ({ instant }) => instant);
      for (const count of COUNTS) {
        for (const weight of INSTANT_WEIGHTS) {
          row(`${count} thought(s), instant weight ${weight}`, ({ instant, thoughts }) =>
            finalVector(
              instant,
              thoughts.slice(0, count).map(({ vector }) => vector),
              weight,
            ),
          );
        }
      }
    }
  } finally {
    await o1.close();
  }
}

/** @typedef {import('../../dist/embedder/index.js').QueryEmbedding} QueryEmbedding */
