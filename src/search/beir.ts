import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { InvalidInputError, NotFoundError } from '../errors.js';
import type { Qrels } from '../metrics/index.js';
import { type BadLines, parseLine } from './bad-lines.js';
import { idOf, parseObject, readJsonl, stringOf } from './jsonl.js';
import { readLines } from './lines.js';
import type { DocumentRecord, QueryRecord } from './records.js';

/** A retrieval data set: what is searched, what is asked, and what should be found. */
export interface RetrievalSet {
  readonly documents: DocumentRecord[];
  /** The queries that have judgements in this split, in the order of the query file. */
  readonly queries: QueryRecord[];
  readonly qrels: Qrels;
}

/**
 * Loads a folder in BEIR's format: `corpus.jsonl`, `queries.jsonl`, `qrels/<split>.tsv`, each plain or with `.gz`.
 *
 * @param split name of the judgements: `train`, `dev`, `test`.
 * @throws NotFoundError when a file is missing, InvalidInputError at a bad line or a judged query without text.
 */
export async function loadBeir(folder: string, split: string): Promise<RetrievalSet> {
  const qrels = await readQrels(plainOrCompressed(join(folder, 'qrels', `${split}.tsv`)));
  const queryFile = plainOrCompressed(join(folder, 'queries.jsonl'));
  const queries = (await collect(readQueries(queryFile))).filter(({ id }) => qrels.has(id));
  const known = new Set(queries.map(({ id }) => id));
  for (const id of qrels.keys()) {
    if (!known.has(id)) {
      throw new InvalidInputError(`the judged query "${id}" of ${split} is not there.`, { where: queryFile });
    }
  }
  const documents = await collect(readJsonl(plainOrCompressed(join(folder, 'corpus.jsonl'))));
  return { documents, queries, qrels };
}

/** Queries from a BEIR `queries.jsonl` (`_id`, `text`), plain or gzip'd. */
export async function* readQueries(path: string, options: { badLines?: BadLines } = {}): AsyncGenerator<QueryRecord> {
  for await (const line of readLines(path, options.badLines)) {
    const query = parseLine(options.badLines, () => {
      const object = parseObject(line);
      return { id: idOf(object, '_id', line), text: stringOf(object, 'text', line) };
    });
    if (query) yield query;
  }
}

/** Judgements from a BEIR `qrels/*.tsv`: query id, document id, grade, after a line of column names. */
export async function readQrels(path: string): Promise<Qrels> {
  const qrels = new Map<string, Map<string, number>>();
  let first = true;
  for await (const { text, where } of readLines(path)) {
    const [queryId, documentId, grade, ...rest] = text.split('\t');
    if (!queryId || !documentId || grade === undefined || rest.length > 0) {
      throw new InvalidInputError('expected three columns separated by tabs: query id, document id, grade.', { where });
    }
    const header = first && queryId === 'query-id';
    first = false;
    if (header) continue;
    if (!/^-?\d+$/.test(grade)) {
      throw new InvalidInputError(`column 3: expected a whole number as grade, found "${grade}".`, { where });
    }
    const grades = qrels.get(queryId) ?? new Map<string, number>();
    grades.set(documentId, Number(grade));
    qrels.set(queryId, grades);
  }
  return qrels;
}

function plainOrCompressed(path: string): string {
  for (const candidate of [path, `${path}.gz`]) if (existsSync(candidate)) return candidate;
  throw new NotFoundError('no such file, neither plain nor with .gz.', { where: path });
}

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = [];
  for await (const item of items) list.push(item);
  return list;
}
