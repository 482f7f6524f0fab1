// Carves a development split out of SciFact's train judgements: `node data/scifact/carve-dev.mjs`.
//
// BEIR's SciFact has train and test only. Claims about one document stand in groups, so dev is drawn by document: claims
// that share a positive document, directly or through others, stay together, and no document that is positive in dev is
// positive in train. The groups are taken in the order of a hash, so that the draw is random and always the same.
// The two files are joined first: running it again changes nothing.
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';

const DEV_QUERIES = 100;

const folder = new URL('qrels/', import.meta.url);
const read = (name) => {
  const file = new URL(name, folder);
  if (!existsSync(file)) return [];
  const lines = readFileSync(file, 'utf8').trim().split('\n').slice(1);
  return lines.map((line) => line.split('\t'));
};
// By query id: the order of BEIR's own file.
const rows = [...read('train.tsv'), ...read('dev.tsv')].sort(
  ([a, d], [b, e]) => Number(a) - Number(b) || Number(d) - Number(e),
);

/** Groups of queries: union-find over the documents. */
const parent = new Map();
const root = (document) => {
  const above = parent.get(document) ?? document;
  return above === document ? document : root(above);
};
const firstDocument = new Map();
for (const [query, document] of rows) {
  const first = firstDocument.get(query);
  if (first === undefined) firstDocument.set(query, document);
  else parent.set(root(document), root(first));
}
const groups = new Map();
for (const [query, document] of firstDocument) {
  const name = root(document);
  groups.set(name, [...(groups.get(name) ?? []), query]);
}

/** The group's name is its smallest query id, whatever the order of the joins. */
const key = (queries) => createHash('sha256').update(`dev ${Math.min(...queries.map(Number))}`).digest('hex');
const dev = new Set();
for (const queries of [...groups.values()].sort((a, b) => (key(a) < key(b) ? -1 : 1))) {
  // A group that would go past the size is left to train; a smaller one may still fit.
  if (dev.size + queries.length <= DEV_QUERIES) for (const query of queries) dev.add(query);
}

const write = (name, wanted) => {
  const lines = rows.filter(([query]) => wanted(query)).map((row) => row.join('\t'));
  writeFileSync(new URL(name, folder), `${['query-id\tcorpus-id\tscore', ...lines].join('\n')}\n`);
};
write('train.tsv', (query) => !dev.has(query));
write('dev.tsv', (query) => dev.has(query));
