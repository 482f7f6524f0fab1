// Training data from documents alone: `node recipes/query-writer/write-queries.mjs <folder>`, after
// `npm run build`, with the adapter of recipes/query-writer/recipe.json in <folder>/adapter (see recipes/README.md).
//
// The writer reads each document of the Node API and writes queries for it, first for those that are no train query's answer. A query
// stays if a search finds its document again (BM25 or all-MiniLM-L6-v2). No query of dev or test is read here.
import { copyFile, mkdir, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { O1Embedder } from '../../dist/embedder/index.js';
import { loadEncoder } from '../../dist/encoders/index.js';
import { DocumentMatrix } from '../../dist/eval/index.js';
import { Bm25, documentText, loadBeir } from '../../dist/search/index.js';

const SAMPLES = 4;
const TEMPERATURE = 0.8;
/** A query must bring its document back among this many. */
const ROUND_TRIP = 10;
/** Queries that are kept of a document without a train query, and of one that has some; the likeliest first. */
const KEPT = 2;
const KEPT_IF_ASKED = 1;
/** Documents between two lines of progress. */
const GROUP = 64;

const folder = resolve(process.argv[2] ?? 'writer');
const source = fileURLToPath(new URL('../../data/node-api', import.meta.url));
const { documents, qrels: asking } = await loadBeir(source, 'train');
const asked = new Set([...asking.values()].flatMap((grades) => [...grades.keys()]));
const ordered = [...documents.filter(({ id }) => !asked.has(id)), ...documents.filter(({ id }) => asked.has(id))];
const bm25 = new Bm25(documents.map((document) => ({ id: document.id, text: documentText(document) })));
const writer = await O1Embedder.load({ adapter: join(folder, 'adapter') });
const encoder = await loadEncoder('all-minilm-l6-v2');

const vectors = await encoder.embed(documents.map(documentText));
const matrix = new DocumentMatrix(
  documents.map(({ id }) => id),
  vectors,
);

const queries = [];
const thoughts = [];
const HEADER = 'query-id\tcorpus-id\tscore';
/** `train`: of documents without a train query. `all`: of each document. */
const qrels = { train: [HEADER], all: [HEADER] };
let written = 0;
for (let first = 0; first < ordered.length; first += GROUP) {
  const group = ordered.slice(first, first + GROUP);
  const answers = await writer.embedQueries(group.map(documentText), {
    think: 'always',
    thoughts: SAMPLES,
    temperature: TEMPERATURE,
    maxBatchRows: 32,
    seed: 1,
  });
  for (const [i, document] of group.entries()) {
    const drafts = [...answers[i].thoughts].sort((a, b) => b.logProbability - a.logProbability);
    const texts = [...new Set(drafts.map(({ text }) => text.trim()))].filter((text) => text.length > 0);
    written += texts.length;
    const embedded = await encoder.embed(texts);
    const found = texts.filter((text, k) => {
      const hits = [...bm25.search(text, ROUND_TRIP), ...matrix.search(embedded[k], ROUND_TRIP)];
      return hits.some(({ id }) => id === document.id);
    });
    for (const text of found.slice(0, asked.has(document.id) ? KEPT_IF_ASKED : KEPT)) {
      const id = `w${String(queries.length).padStart(4, '0')}`;
      queries.push({ _id: id, text });
      // As the expert begins its thoughts: the name, then what it does.
      thoughts.push({ _id: id, thoughts: [`\`${document.title}\`: ${document.text}`] });
      const line = `${id}\t${document.id}\t1`;
      qrels.all.push(line);
      if (!asked.has(document.id)) qrels.train.push(line);
    }
  }
  console.log(
    `${Math.min(first + GROUP, ordered.length)} of ${ordered.length} documents, ${queries.length} of ${written} queries kept`,
  );
}
await writer.close();
await encoder.close();

const lines = (records) => gzipSync(`${records.map((record) => JSON.stringify(record)).join('\n')}\n`);
const output = join(folder, 'written');
await mkdir(join(output, 'qrels'), { recursive: true });
await copyFile(join(source, 'corpus.jsonl.gz'), join(output, 'corpus.jsonl.gz'));
await writeFile(join(output, 'queries.jsonl.gz'), lines(queries));
await writeFile(join(output, 'thoughts.jsonl.gz'), lines(thoughts));
for (const [split, rows] of Object.entries(qrels)) {
  await writeFile(join(output, 'qrels', `${split}.tsv`), `${rows.join('\n')}\n`);
}
