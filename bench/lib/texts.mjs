/** The texts of the benches: the Node API set, and one query. Always the same ones. */
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';

const data = new URL('../../data/', import.meta.url);

/** A query of the usual kind; 20 tokens. */
export const QUERY = 'How do I read a whole file into memory without blocking the event loop while it is being read?';

/** Every sixteenth entry of the corpus: 131 documents, of all lengths. */
const SAMPLE_STEP = 16;

/**
 * The sample of documents that is embedded again and again.
 * @returns {string[]}
 */
export function documents() {
  return [...corpus().values()].filter((_, index) => index % SAMPLE_STEP === 0);
}

/**
 * The whole corpus by id, as it is embedded: title, newline, text.
 * @returns {Map<string, string>}
 */
export function corpus() {
  return new Map(jsonLines('node-api/corpus.jsonl.gz').map(({ _id, title, text }) => [_id, `${title}\n${text}`]));
}

/** The test queries by id, with their judgements. */
export function testQueries() {
  const { texts, qrels } = queries('test');
  return { queries: texts, qrels };
}

/**
 * A split's queries by id, in the order of its judgements (document id to grade).
 * @param {'train' | 'dev' | 'test'} split
 * @returns {{ texts: Map<string, string>, qrels: Map<string, Map<string, number>> }}
 */
export function queries(split) {
  const texts = new Map(jsonLines('node-api/queries.jsonl.gz').map(({ _id, text }) => [_id, text]));
  /** @type {Map<string, Map<string, number>>} */
  const qrels = new Map();
  const [, ...lines] = readFileSync(new URL(`node-api/qrels/${split}.tsv`, data), 'utf8')
    .trimEnd()
    .split('\n');
  for (const line of lines) {
    const [query = '', document = '', grade] = line.split('\t');
    const grades = qrels.get(query) ?? new Map();
    qrels.set(query, grades.set(document, Number(grade)));
  }
  return { texts: new Map([...qrels.keys()].map((id) => [id, texts.get(id)])), qrels };
}

/**
 * What an LLM expert thinks about each train query: the first of three candidates.
 * @returns {Map<string, string>}
 */
export function expertThoughts() {
  return new Map(jsonLines('expert/node-api.train.jsonl.gz').map(({ _id, thoughts }) => [_id, thoughts[0]]));
}

/** @param {string} name @returns {any[]} */
function jsonLines(name) {
  const lines = gunzipSync(readFileSync(new URL(name, data)))
    .toString('utf8')
    .split('\n');
  return lines.filter((line) => line !== '').map((line) => JSON.parse(line));
}
