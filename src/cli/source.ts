import { existsSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { InvalidInputError, NotFoundError } from '../errors.js';
import {
  BadLines,
  type DocumentRecord,
  type FolderOptions,
  readFolder,
  readJsonl,
  readLines,
} from '../search/index.js';
import type { CliEmbedder } from './context.js';

export interface SourceOptions {
  /** Names of a JSONL file's fields. */
  readonly fields?: { readonly id?: string; readonly title?: string; readonly text?: string };
  readonly badLines?: BadLines;
}

/** How texts are cut into chunks. */
type Chunking = Pick<FolderOptions, 'countTokens' | 'maxTokens'>;

/** Documents to be indexed. */
export interface Source {
  readonly records: Iterable<DocumentRecord> | AsyncIterable<DocumentRecord>;
  /** How many records there are; with bad lines among them, at most. */
  readonly total: number;
}

/** @throws NotFoundError when there is nothing at a path that should hold documents or an index. */
export function assertThere(path: string): void {
  if (existsSync(path)) return;
  throw new NotFoundError('there is no such file or folder.', {
    where: path,
    hint: 'Give a folder of Markdown or text files, a folder with corpus.jsonl, a .jsonl file, or (to search) an index.',
  });
}

/**
 * The documents that a path given on the command line holds: a JSONL file, a folder in BEIR's format (its `corpus.jsonl`), or a
 * folder of Markdown and text files, in chunks.
 *
 * @throws NotFoundError when there is nothing, InvalidInputError for a file of another kind.
 */
export async function readSource(
  path: string,
  chunking: Chunking,
  options: SourceOptions = {},
): Promise<AsyncIterable<DocumentRecord>> {
  return recordsOf(path, await jsonlOf(path), chunking, options);
}

/** The same, with their number. */
export async function openSource(path: string, embedder: CliEmbedder, options: SourceOptions): Promise<Source> {
  const chunking = {
    countTokens: (text: string) => embedder.countTokens(text),
    maxTokens: embedder.settings.lengths.document,
  };
  const jsonl = await jsonlOf(path);
  const records = recordsOf(path, jsonl, chunking, options);
  if (jsonl !== undefined) return { records, total: await countLines(jsonl) };
  const chunks = await collect(records);
  return { records: chunks, total: chunks.length };
}

function recordsOf(
  path: string,
  jsonl: string | undefined,
  chunking: Chunking,
  { badLines, fields }: SourceOptions,
): AsyncIterable<DocumentRecord> {
  const bad = badLines ? { badLines } : {};
  return jsonl === undefined
    ? readFolder(path, { ...chunking, ...bad })
    : readJsonl(jsonl, { ...(fields ? { fields } : {}), ...bad });
}

export async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}

/** The JSONL file that a path is or holds; `undefined` for a folder of texts. */
async function jsonlOf(path: string): Promise<string | undefined> {
  assertThere(path);
  const jsonl = (await stat(path)).isDirectory() ? inFolder(path, 'corpus.jsonl') : path;
  if (jsonl !== undefined && !/\.jsonl(\.gz)?$/i.test(jsonl)) {
    throw new InvalidInputError('expected a .jsonl or .jsonl.gz file, or a folder.', { where: jsonl });
  }
  return jsonl;
}

/** Whether a folder is a data set that has queries and judgements of its own. */
export const hasQueries = (path: string): boolean =>
  existsSync(join(path, 'qrels')) && inFolder(path, 'queries.jsonl') !== undefined;

const inFolder = (folder: string, name: string): string | undefined =>
  [join(folder, name), join(folder, `${name}.gz`)].find((path) => existsSync(path));

/** Reading a file twice is cheap beside embedding it, and lets the progress bar say how long it will take. */
async function countLines(path: string): Promise<number> {
  let lines = 0;
  for await (const _ of readLines(path, new BadLines())) lines++;
  return lines;
}
