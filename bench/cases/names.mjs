/**
 * How often the default adapter's thoughts about Node API queries name a member that answers, next to how often the first hits of
 * the instant vector are one: what a thought could add.
 */
import { fileURLToPath } from 'node:url';
import { loadBeir } from '../../dist/search/index.js';
import { loadEmbedder, searchable } from '../lib/embedder.mjs';

const NODE_API = fileURLToPath(new URL('../../data/node-api', import.meta.url));

const WAY = /** @type {const} */ ({ think: 'always', thoughts: 4, temperature: 0.6, topP: 1, maxTokens: 32 });
/** As many train queries as there are dev queries. */
const QUERIES = 100;

/** @param {import('../lib/report.mjs').Report} report */
export async function run(report) {
  const o1 = await loadEmbedder('int8');
  try {
    const sets = { train: await loadBeir(NODE_API, 'train'), dev: await loadBeir(NODE_API, 'dev') };
    const matrix = await searchable(o1, sets.dev.documents);
    for (const [split, { queries, qrels }] of Object.entries(sets)) {
      const asked = queries.slice(0, QUERIES);
      const found = await o1.embedQueries(
        asked.map(({ text }) => text),
        WAY,
      );
      let [named, namedOnce, firstHits] = [0, 0, 0];
      for (const [i, { instant, thoughts }] of found.entries()) {
        const grades = qrels.get(asked[i]?.id ?? '') ?? new Map();
        const answers = [...grades].filter(([, grade]) => grade > 0).map(([id]) => id);
        const right = thoughts.filter(({ text }) => answers.some((id) => sameMember(nameIn(text), id)));
        named += right.length / thoughts.length;
        namedOnce += right.length > 0 ? 1 : 0;
        firstHits += answers.includes(matrix.search(instant, 1)[0]?.id ?? '') ? 1 : 0;
      }
      const share = (/** @type {number} */ count) => count / asked.length;
      report.row({ what: `thoughts that name an answer, ${split}`, unit: 'share', ours: share(named) });
      report.row({ what: `queries with one such thought of four, ${split}`, unit: 'share', ours: share(namedOnce) });
      report.row({
        what: `first hits of the instant vector that answer, ${split}`,
        unit: 'share',
        ours: share(firstHits),
      });
    }
  } finally {
    await o1.close();
  }
}

/** What a thought puts between its first two backticks, without arguments: experts and written thoughts begin so. @param {string} thought */
const nameIn = (thought) => (/`(?:new )?([\w$./:]+)/.exec(thought)?.[1] ?? '').toLowerCase();

/** `createHash` is `crypto.createHash`, and so is `node:crypto.createHash`. @param {string} name @param {string} id */
function sameMember(name, id) {
  const whole = id.toLowerCase();
  return name.length > 2 && (name === whole || whole.endsWith(`.${name}`) || name.endsWith(`.${whole}`));
}
