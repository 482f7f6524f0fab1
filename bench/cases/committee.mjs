/**
 * The committee of BM25, all-MiniLM-L6-v2 and paraphrase-MiniLM-L3-v2 over the expert's candidates for the train queries of
 * SciFact (809, with those carved out for dev) and of the Node API set (1,000), hard negatives included. At most 15 minutes each
 * is what the project set itself.
 *
 * By itself: `node bench/cases/committee.mjs [--set scifact|node-api] [--limit N] [--judge] [--output FOLDER]`. `--limit` takes
 * the first queries and ten documents for each. `--judge` also asks whether the committee chooses well: nDCG@10 by an
 * O1 Embedder, without thinking, that was trained on the Node API set alone and has never seen SciFact.
 * With `--output` the files stay, `report.html` among them, and a second run goes on from them.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { loadBeir } from '../../dist/search/index.js';
import {
  DEFAULT_MEMBERS,
  judgeChoice,
  mineNegatives,
  parseMembers,
  readCandidates,
  readRefined,
  refineCandidates,
  writeCandidates,
  writeSynthReport,
} from '../../dist/synth/index.js';
import { loadEmbedder } from '../lib/embedder.mjs';
import { Report } from '../lib/report.mjs';
import { settings } from '../lib/settings.mjs';

const DATA = fileURLToPath(new URL('../../data', import.meta.url));
/** The default adapter has been trained on SciFact: it cannot be the judge. */
const JUDGE = fileURLToPath(new URL('../../test/fixtures/adapters/node-api-reference', import.meta.url));

/** @type {Record<string, readonly string[]>} */
const SPLITS = { scifact: ['train', 'dev'], 'node-api': ['train'] };

/**
 * @typedef {object} Options
 * @property {string} [set] only this one
 * @property {number} [limit]
 * @property {boolean} [judge]
 * @property {string} [output]
 */

/** @param {import('../lib/report.mjs').Report} report @param {Options} options */
export async function run(report, options = {}) {
  for (const name of options.set === undefined ? Object.keys(SPLITS) : [options.set]) {
    const output = options.output
      ? path.join(options.output, name)
      : await mkdtemp(path.join(tmpdir(), 'o1-committee-'));
    try {
      await measure(report, name, output, options);
    } finally {
      if (!options.output) await rm(output, { recursive: true });
    }
  }
}

/** @param {import('../lib/report.mjs').Report} report @param {string} name @param {string} output @param {Options} options */
async function measure(report, name, output, { limit, judge = false }) {
  const set = await load(name, limit);
  const known = new Set(set.queries.map(({ id }) => id));
  const file = path.join(DATA, 'expert', `${name}.train.jsonl.gz`);
  const candidates = (await readCandidates(file)).filter(({ id }) => known.has(id));
  const members = parseMembers(DEFAULT_MEMBERS);
  const size = `${name}, ${set.queries.length} queries, ${set.documents.length} documents`;
  const begin = performance.now();
  const refined = await refineCandidates({ set, candidates, members, output });
  const between = performance.now();
  const negatives = await mineNegatives({ set, members, output });
  const end = performance.now();
  const times = { vote: between - begin, 'hard negatives': end - between, 'vote and hard negatives': end - begin };
  for (const [what, ms] of Object.entries(times)) {
    const target = what === 'vote and hard negatives' ? { target: '900 at most' } : {};
    report.row({ what: `${size}: ${what}`, unit: 's', ours: ms / 1000, peer: null, peerName: '', ...target });
  }
  report.note(`${name}: candidates win ${refined.wins.join(', ')}`);
  for (const [member, choices] of Object.entries(refined.choices)) {
    report.note(`${name}: ${member} alone would choose ${choices.join(', ')}`);
  }
  for (const { a, b, share, kappa, tau } of refined.agreement) {
    const figures = `${share.toFixed(3)} of queries alike, kappa ${kappa?.toFixed(3)}, tau ${tau?.toFixed(3)}`;
    report.note(`${name}: ${a} and ${b}: ${figures}`);
  }
  report.note(
    `${name}: ${negatives.negatives} negatives, ${negatives.nearPositives} near-positives left out, ${negatives.short} queries short`,
  );
  const judgement = judge ? await judgeWith(report, name, set, output) : undefined;
  await writeCandidates(output, candidates);
  await writeSynthReport(output, { set, judgement });
}

/**
 * @param {import('../lib/report.mjs').Report} report @param {string} name
 * @param {import('../../dist/search/index.js').RetrievalSet} set @param {string} output
 */
async function judgeWith(report, name, set, output) {
  const [judge] = parseMembers(['self'], { loadSelf: () => loadEmbedder('int8', JUDGE) });
  if (!judge) throw new Error('there is no judge');
  const refined = [...(await readRefined(output)).values()];
  const judgement = await judgeChoice({ set, refined, judge, output });
  const { members, queries, ...figures } = judgement;
  const alone = Object.fromEntries(Object.entries(members).map(([who, value]) => [`${who} alone`, value]));
  for (const [what, ours] of Object.entries({ ...figures, ...alone })) {
    report.row({ what: `${name}, ${queries} queries: ${what}`, unit: 'nDCG@10', ours, peer: null, peerName: '' });
  }
  return { ...judgement, judge: 'an O1 Embedder that never saw SciFact, without thinking' };
}

/**
 * The train queries with all that was carved out of them; with a limit the first of them, and as many documents as keep the
 * proportion, all positives among them.
 * @param {string} name @param {number | undefined} limit
 * @returns {Promise<import('../../dist/search/index.js').RetrievalSet>}
 */
async function load(name, limit) {
  const splits = await Promise.all((SPLITS[name] ?? []).map((split) => loadBeir(path.join(DATA, name), split)));
  const [first] = splits;
  if (!first) throw new Error(`There is no set "${name}"; there are ${Object.keys(SPLITS).join(', ')}.`);
  const queries = splits.flatMap((split) => split.queries).slice(0, limit);
  const all = new Map(splits.flatMap((split) => [...split.qrels]));
  const qrels = new Map(queries.map(({ id }) => [id, all.get(id) ?? new Map()]));
  const positives = new Set([...qrels.values()].flatMap((grades) => [...grades.keys()]));
  const most = limit === undefined ? Number.POSITIVE_INFINITY : 10 * limit;
  const documents = first.documents.filter(({ id }, position) => position < most || positives.has(id));
  return { queries, qrels, documents };
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const { values } = parseArgs({
    options: {
      set: { type: 'string' },
      limit: { type: 'string' },
      judge: { type: 'boolean', default: false },
      output: { type: 'string' },
      json: { type: 'boolean', default: false },
    },
  });
  const report = new Report('committee', values.json);
  for (const line of settings()) (values.json ? console.error : console.log)(line);
  await run(report, {
    judge: values.judge,
    ...(values.set === undefined ? {} : { set: values.set }),
    ...(values.limit === undefined ? {} : { limit: Number(values.limit) }),
    ...(values.output === undefined ? {} : { output: values.output }),
  });
  report.finish();
}
