import { existsSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { InvalidInputError, NotFoundError } from '../errors.js';
import { BadLines, type DocumentRecord, readFolder, readJsonl, readLines } from '../search/index.js';
import type { CliEmbedder } from './context.js';

export interface SourceOptions {
  /** Names of a JSONL file's fields. */
  readonly fields?: { readonly id?: string; readonly title?: string; readonly text?: string };
  readonly badLines?: BadLines;
}

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
 * What a path given on the command line holds: a JSONL file, a folder in BEIR's format (its `corpus.jsonl`), or a folder of
 * Markdown and text files.
 *
 * @throws NotFoundError when there is nothing, InvalidInputError for a file of another kind.
 */
export async function openSource(path: string, embedder: CliEmbedder, options: SourceOptions): Promise<Source> {
  const { badLines, fields } = options;
  assertThere(path);
  const jsonl = (await stat(path)).isDirectory() ? corpusFile(path) : path;
  if (jsonl !== undefined) {
    if (!/\.jsonl(\.gz)?$/i.test(jsonl)) {
      throw new InvalidInputError('expected a .jsonl or .jsonl.gz file, or a folder.', { where: jsonl });
    }
    const settings = { ...(fields ? { fields } : {}), ...(badLines ? { badLines } : {}) };
    return { records: readJsonl(jsonl, settings), total: await countLines(jsonl) };
  }
  const records: DocumentRecord[] = [];
  const chunking = {
    countTokens: (text: string) => embedder.countTokens(text),
    maxTokens: embedder.settings.lengths.document,
    ...(badLines ? { badLines } : {}),
  };
  for await (const record of readFolder(path, chunking)) records.push(record);
  return { records, total: records.length };
}

function corpusFile(folder: string): string | undefined {
  return [join(folder, 'corpus.jsonl'), join(folder, 'corpus.jsonl.gz')].find((path) => existsSync(path));
}

/** Reading a file twice is cheap beside embedding it, and lets the progress bar say how long it will take. */
async function countLines(path: string): Promise<number> {
  let lines = 0;
  for await (const _ of readLines(path, new BadLines())) lines++;
  return lines;
}
