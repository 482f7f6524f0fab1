// Swaps the roles of a training set: the document is read as the query, and the query is the thought to be written. A model
// trained on it writes queries for documents. `node recipes/query-writer/swap-roles.mjs <folder>`.
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';

const folder = resolve(process.argv[2] ?? 'writer');
const source = fileURLToPath(new URL('../../data/node-api/', import.meta.url));
const read = (name) =>
  gunzipSync(readFileSync(join(source, name)))
    .toString()
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
const documents = new Map(read('corpus.jsonl.gz').map((document) => [document._id, document]));
const texts = new Map(read('queries.jsonl.gz').map(({ _id, text }) => [_id, text]));
/** Of train, the answers of grade 2: grade 1 is a sibling, for which the query was not written. */
const pairs = readFileSync(join(source, 'qrels', 'train.tsv'), 'utf8')
  .trim()
  .split('\n')
  .slice(1)
  .map((line) => line.split('\t'))
  .filter(([, , grade]) => grade === '2');

const lines = (records) => `${records.map((record) => JSON.stringify(record)).join('\n')}\n`;
const output = join(folder, 'swapped');
mkdirSync(join(output, 'qrels'), { recursive: true });
const queries = pairs.map(([query, document]) => {
  const { title, text } = documents.get(document);
  return { _id: query, text: `${title}\n${text}` };
});
writeFileSync(join(output, 'queries.jsonl'), lines(queries));
writeFileSync(join(output, 'thoughts.jsonl'), lines(pairs.map(([_id]) => ({ _id, thoughts: [texts.get(_id)] }))));
writeFileSync(join(output, 'corpus.jsonl'), lines([...documents.values()]));
const qrels = pairs.map(([query, document]) => `${query}\t${document}\t1`);
writeFileSync(join(output, 'qrels', 'train.tsv'), `${['query-id\tcorpus-id\tscore', ...qrels].join('\n')}\n`);
copyFileSync(new URL('recipe.json', import.meta.url), join(folder, 'recipe.json'));
console.log(`${pairs.length} documents with a query in ${output}`);
