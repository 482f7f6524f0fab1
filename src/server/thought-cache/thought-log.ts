import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { type FileHandle, mkdir, open, rename, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { O1Error } from '../../errors.js';
import { isHeldByAnother, lockFolder } from '../../lock-folder.js';
import { writeAtomically } from '../../write-atomically.js';

/** Part of the files' names: another version starts afresh. */
const FORMAT_VERSION = 3;

/** A lock that was not refreshed for so long belongs to a killed process. */
const LOCK_STALE_MS = 4_000;

export interface ThoughtLogSettings {
  /** Lines of each of the two files. */
  readonly maxLines: number;
  /** Bytes of each of the two files, give or take a line. */
  readonly maxBytes: number;
  /** Hears what is there, oldest first. */
  readonly onEntry: (entry: LogEntry) => void;
  /** Told what is wrong with the files. */
  readonly warn: (message: string) => void;
  /** After how long a lock that is not refreshed counts as left behind by a killed process. Default 4,000 ms, at least 2,000. */
  readonly lockStaleMs?: number | undefined;
}

/** One thing that is remembered. */
export interface LogEntry {
  readonly key: string;
  readonly value: string;
}

/**
 * Entries on disk, one a line, appended as they come.
 *
 * There are two files. When the newer one has `maxLines` lines or `maxBytes` bytes it takes the place of the older one, so
 * that the folder never holds more than twice as much and nothing is ever written again. A line has a checksum; a line that a killed
 * process left unfinished is cut off, and a file that is damaged otherwise is set aside and its good lines are kept.
 */
export class ThoughtLog {
  readonly #folder: string;
  readonly #maxLines: number;
  readonly #maxBytes: number;
  readonly #warn: (message: string) => void;
  readonly #release: () => Promise<void>;
  #file: FileHandle;
  #lines: number;
  #bytes: number;
  #closed: Promise<void> | undefined;
  #writing: Promise<void> = Promise.resolve();
  #broken = false;

  private constructor(
    folder: string,
    { maxLines, maxBytes, warn }: ThoughtLogSettings,
    opened: { release: () => Promise<void>; file: FileHandle; lines: number; bytes: number },
  ) {
    this.#folder = folder;
    this.#maxLines = maxLines;
    this.#maxBytes = maxBytes;
    this.#warn = warn;
    this.#release = opened.release;
    this.#file = opened.file;
    this.#lines = opened.lines;
    this.#bytes = opened.bytes;
  }

  /**
   * Opens the log in a folder, which is made if need be, and reads what is there.
   *
   * @throws O1Error when another process uses the folder.
   */
  static async open(folder: string, settings: ThoughtLogSettings): Promise<ThoughtLog> {
    const { warn, onEntry, lockStaleMs = LOCK_STALE_MS } = settings;
    await mkdir(folder, { recursive: true });
    const release = await lock(folder, lockStaleMs, warn);
    try {
      await readEntries(olderPath(folder), onEntry, warn);
      const lines = await readEntries(newerPath(folder), onEntry, warn);
      const file = await open(newerPath(folder), 'a');
      const { size: bytes } = await file.stat();
      return new ThoughtLog(folder, settings, { release, file, lines, bytes });
    } catch (error) {
      await release();
      throw error;
    }
  }

  /** Takes an entry; it is written soon. Where the disk refuses it, the log says so once and writes no more. */
  append(entry: LogEntry): void {
    this.#writing = this.#writing.then(async () => {
      if (this.#broken) return;
      try {
        if (this.#lines >= this.#maxLines || this.#bytes >= this.#maxBytes) await this.#rotate();
        const line = lineOf(entry);
        await this.#file.appendFile(line);
        this.#lines++;
        this.#bytes += Buffer.byteLength(line);
      } catch (error) {
        this.#broken = true;
        this.#warn(`${this.#folder}: thoughts are no longer written to the disk: ${(error as Error).message}`);
      }
    });
  }

  /** Writes what is still to be written and gives the folder free. */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    await this.#writing;
    await this.#file.close();
    await this.#release();
  }

  async #rotate(): Promise<void> {
    await this.#file.close();
    await rename(newerPath(this.#folder), olderPath(this.#folder));
    this.#file = await open(newerPath(this.#folder), 'a');
    this.#lines = 0;
    this.#bytes = 0;
  }
}

const newerPath = (folder: string) => join(folder, `thoughts-v${FORMAT_VERSION}.jsonl`);
const olderPath = (folder: string) => join(folder, `thoughts-v${FORMAT_VERSION}.older.jsonl`);

const checksum = (key: string, value: string) =>
  createHash('sha256').update(`${key}\n${value}`).digest('hex').slice(0, 16);

const lineOf = ({ key, value }: LogEntry) => `${JSON.stringify([checksum(key, value), key, value])}\n`;

function entryOf(line: string): LogEntry | undefined {
  try {
    const [sum, key, value] = JSON.parse(line) as [string, string, string];
    return sum === checksum(key, value) ? { key, value } : undefined;
  } catch {
    return undefined;
  }
}

const linesOf = (path: string) =>
  createInterface({ input: createReadStream(path), crlfDelay: Number.POSITIVE_INFINITY });

/** Tells the good lines of a file; afterwards the file has no others. Returns how many they are. */
async function readEntries(
  path: string,
  onEntry: (entry: LogEntry) => void,
  warn: (message: string) => void,
): Promise<number> {
  const found = await stat(path).catch(() => undefined);
  if (!found) return 0;
  const bad: number[] = [];
  let lines = 0;
  for await (const line of linesOf(path)) {
    lines++;
    const entry = entryOf(line);
    if (entry) onEntry(entry);
    else bad.push(lines);
  }
  const torn = found.size > 0 && !(await endsWithNewline(path, found.size));
  const damaged = bad.filter((line) => !(torn && line === lines));
  if (damaged.length > 0 || torn) {
    const good: string[] = [];
    for await (const line of linesOf(path)) if (entryOf(line)) good.push(`${line}\n`);
    if (damaged.length > 0) {
      const aside = `${path}.damaged`;
      await rename(path, aside);
      warn(
        `${path}: ${damaged.length} of ${lines} lines are damaged, the first is line ${damaged[0]}. ` +
          `The file was set aside as ${aside}, and the other thoughts were kept.`,
      );
    }
    await writeAtomically(path, good.join(''));
  }
  return lines - bad.length;
}

async function endsWithNewline(path: string, size: number): Promise<boolean> {
  const file = await open(path, 'r');
  try {
    const { buffer } = await file.read(Buffer.alloc(1), 0, 1, size - 1);
    return buffer[0] === '\n'.charCodeAt(0);
  } finally {
    await file.close();
  }
}

async function lock(folder: string, staleMs: number, warn: (message: string) => void): Promise<() => Promise<void>> {
  const onLost = ({ message }: Error) => warn(`${folder}: another process may be writing here too: ${message}`);
  return lockFolder(folder, 'server.lock', { staleMs, onLost }).catch((cause) => {
    if (!isHeldByAnother(cause)) throw cause;
    throw new O1Error('another server keeps its thoughts here.', {
      where: folder,
      hint: 'Give each server a folder of its own.',
      cause,
    });
  });
}
