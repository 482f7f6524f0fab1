import { createReadStream, existsSync } from 'node:fs';
import type { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { CorruptFileError, InvalidInputError, NotFoundError } from '../errors.js';
import { type BadLines, parseLine } from './bad-lines.js';

/** One line of a text file, without its line ending. */
export interface Line {
  readonly text: string;
  /** `file:line`, for error messages. */
  readonly where: string;
}

const NEWLINE = 0x0a;

/**
 * The lines of a UTF-8 text file that are not blank. A name that ends in `.gz` is decompressed on the way; a byte order
 * mark and Windows line endings are taken off. Only a newline ends a line: U+2028 may stand inside a JSON string.
 *
 * @param badLines collects lines that are not UTF-8, instead of throwing at the first.
 * @throws NotFoundError, CorruptFileError for a damaged gzip file, InvalidInputError for a line that is not UTF-8.
 */
export async function* readLines(path: string, badLines?: BadLines): AsyncGenerator<Line> {
  let number = 0;
  for await (const bytes of splitLines(path)) {
    const where = `${path}:${++number}`;
    const text = parseLine(badLines, () => decodeUtf8(bytes, where).replace(/\r$/, ''));
    if (text !== undefined && text.trim() !== '') yield { text, where };
  }
}

/**
 * Decodes UTF-8 and takes off a byte order mark.
 *
 * @throws InvalidInputError with `where` for bytes that are not UTF-8.
 */
export function decodeUtf8(bytes: Uint8Array, where: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new InvalidInputError('expected text in UTF-8, found bytes that are not.', { where, cause });
  }
}

async function* splitLines(path: string): AsyncGenerator<Buffer> {
  let pending: Buffer[] = [];
  for await (const chunk of readBytes(path)) {
    let start = 0;
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, start)) {
      yield Buffer.concat([...pending, chunk.subarray(start, end)]);
      pending = [];
      start = end + 1;
    }
    if (start < chunk.length) pending.push(chunk.subarray(start));
  }
  if (pending.length > 0) yield Buffer.concat(pending);
}

async function* readBytes(path: string): AsyncGenerator<Buffer> {
  if (!existsSync(path)) throw new NotFoundError('no such file.', { where: path });
  const file = createReadStream(path);
  let stream: Readable = file;
  if (path.endsWith('.gz')) {
    const gunzip = createGunzip();
    file.on('error', (error) => gunzip.destroy(error));
    stream = file.pipe(gunzip);
  }
  try {
    for await (const chunk of stream) yield chunk as Buffer;
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code ?? '';
    if (!code.startsWith('Z_')) throw cause;
    throw new CorruptFileError(`expected a whole gzip file: ${(cause as Error).message}.`, { where: path, cause });
  } finally {
    file.destroy();
  }
}
