// Swaps the roles of a training set: the document is read as the query, and the query is the thought to be written. A model
// trained on it writes queries for documents. `node recipes/query-writer/swap-roles.mjs <folder>`, after `npm run build`.
import { copyFile, mkdir, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { documentText, loadBeir } from '../../dist/search/index.js';

const folder = resolve(process.argv[2] ?? 'writer');
const source = fileURLToPath(new URL('../../data/node-api', import.meta.url));
const { documents, queries, qrels } = await loadBeir(source, 'train');
const byId = new Map(documents.map((document) => [document.id, document]));
/** Each query with its answer of grade 2: grade 1 is a sibling, for which the query was not written. */
const pairs = queries.flatMap(({ id, text }) =>
  [...qrels.get(id)].filter(([, grade]) => grade === 2).map(([document]) => ({ id, text, document })),
);

const lines = (records) => `${records.map((record) => JSON.stringify(record)).join('\n')}\n`;
const output = join(folder, 'swapped');
await mkdir(join(output, 'qrels'), { recursive: true });
await writeFile(
  join(output, 'queries.jsonl'),
  lines(pairs.map(({ id, document }) => ({ _id: id, text: documentText(byId.get(document)) }))),
);
await writeFile(join(output, 'thoughts.jsonl'), lines(pairs.map(({ id, text }) => ({ _id: id, thoughts: [text] }))));
await copyFile(join(source, 'corpus.jsonl.gz'), join(output, 'corpus.jsonl.gz'));
const judgements = pairs.map(({ id, document }) => `${id}\t${document}\t1`);
await writeFile(join(output, 'qrels', 'train.tsv'), `${['query-id\tcorpus-id\tscore', ...judgements].join('\n')}\n`);
await copyFile(new URL('recipe.json', import.meta.url), join(folder, 'recipe.json'));
console.log(`${pairs.length} documents with a query in ${output}`);
