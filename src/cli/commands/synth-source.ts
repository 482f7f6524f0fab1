import { existsSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { InvalidInputError } from '../../errors.js';
import { type DocumentRecord, readFolder, readJsonl, type TokenCounter } from '../../search/index.js';
import { assertThere } from '../source.js';

/** Whether a folder is a data set that has queries and judgements of its own. */
export const hasQueries = (path: string): boolean =>
  existsSync(join(path, 'qrels')) && inFolder(path, 'queries.jsonl') !== undefined;

/** The documents of a folder, a BEIR corpus or a JSONL file; Markdown and text files in chunks that an embedder reads whole. */
export async function readDocuments(path: string, countTokens: TokenCounter): Promise<DocumentRecord[]> {
  assertThere(path);
  const isFolder = (await stat(path)).isDirectory();
  const jsonl = isFolder ? inFolder(path, 'corpus.jsonl') : path;
  if (jsonl !== undefined && !/\.jsonl(\.gz)?$/i.test(jsonl)) {
    throw new InvalidInputError('expected a .jsonl or .jsonl.gz file, or a folder.', { where: jsonl });
  }
  const documents: DocumentRecord[] = [];
  for await (const document of jsonl === undefined ? readFolder(path, { countTokens }) : readJsonl(jsonl)) {
    documents.push(document);
  }
  return documents;
}

const inFolder = (folder: string, name: string): string | undefined =>
  [join(folder, name), join(folder, `${name}.gz`)].find((path) => existsSync(path));
