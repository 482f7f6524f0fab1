import { readdir, readFile, stat } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { NotFoundError } from '../errors.js';
import { type BadLines, parseLine } from './bad-lines.js';
import { decodeUtf8 } from './lines.js';
import { type ChunkSettings, chunkMarkdown, chunkPlainText } from './markdown-chunks.js';
import type { DocumentRecord } from './records.js';

const MARKDOWN = ['.md', '.mdx', '.markdown'];
const PLAIN_TEXT = ['.txt'];

export interface FolderOptions extends ChunkSettings {
  /** Collects files that cannot be read as text, instead of throwing at the first. */
  readonly badLines?: BadLines;
}

/**
 * The Markdown and text files of a folder and of those inside it, in chunks: see `chunkMarkdown` for ids and titles.
 *
 * Files come in the order of their paths. Hidden files and folders, `node_modules` and symbolic links are left out.
 *
 * @throws NotFoundError when there is no such folder, InvalidInputError for a file that is not UTF-8.
 */
export async function* readFolder(folder: string, options: FolderOptions): AsyncGenerator<DocumentRecord> {
  const isFolder = await stat(folder).then(
    (found) => found.isDirectory(),
    () => false,
  );
  if (!isFolder) throw new NotFoundError('no such folder.', { where: folder });
  for (const path of await textFiles(folder, '')) {
    const bytes = await readFile(join(folder, path));
    const text = parseLine(options.badLines, () => decodeUtf8(bytes, join(folder, path)));
    if (text === undefined) continue;
    const chunk = PLAIN_TEXT.includes(extname(path).toLowerCase()) ? chunkPlainText : chunkMarkdown;
    yield* chunk(text, path, options);
  }
}

/** Paths of the text files below `folder`, relative to it, with `/`, sorted. */
async function textFiles(folder: string, prefix: string): Promise<string[]> {
  const paths: string[] = [];
  for (const entry of await readdir(join(folder, prefix), { withFileTypes: true })) {
    if (entry.name.startsWith('.') || entry.name === 'node_modules') continue;
    const path = prefix === '' ? entry.name : `${prefix}/${entry.name}`;
    const wanted = [...MARKDOWN, ...PLAIN_TEXT].includes(extname(entry.name).toLowerCase());
    if (entry.isDirectory()) paths.push(...(await textFiles(folder, path)));
    else if (entry.isFile() && wanted) paths.push(path);
  }
  // By code unit: the same on every system and in every language.
  return paths.sort();
}
