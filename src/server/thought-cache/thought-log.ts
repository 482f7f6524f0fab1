import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { type FileHandle, mkdir, open, rename, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import lockfile from 'proper-lockfile';
import { O1Error } from '../../errors.js';
import { writeAtomically } from '../../write-atomically.js';

/** Part of the files' names: another version starts afresh. */
const FORMAT_VERSION = 1;

/** A lock that was not refreshed for so long belongs to a killed process. */
const LOCK_STALE_MS = 4_000;
const LOCK_RETRY_MS = 100;

export interface ThoughtLogSettings {
  /** Lines of each of the two files. */
  readonly maxLines: number;
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
 * There are two files. When the newer one has `maxLines` lines it takes the place of the older one, so that the folder
 * never holds more than twice as many and nothing is ever written again. A line has a checksum; a line that a killed
 * process left unfinished is cut off, and a file that is damaged otherwise is set aside and its good lines are kept.
 */
export class ThoughtLog {
  readonly #folder: string;
  readonly #maxLines: number;
  readonly #warn: (message: string) => void;
  readonly #release: () => Promise<void>;
  #file: FileHandle;
  #lines: number;
  #writing: Promise<void> = Promise.resolve();
  #broken = false;

  private constructor(parts: {
    folder: string;
    maxLines: number;
    warn: (message: string) => void;
    release: () => Promise<void>;
    file: FileHandle;
    lines: number;
  }) {
    this.#folder = parts.folder;
    this.#maxLines = parts.maxLines;
    this.#warn = parts.warn;
    this.#release = parts.release;
    this.#file = parts.file;
    this.#lines = parts.lines;
  }

  /**
   * Opens the log in a folder, which is made if need be, and reads what is there, oldest first.
   *
   * @throws O1Error when another process uses the folder.
   */
  static async open(folder: string, settings: ThoughtLogSettings): Promise<{ log: ThoughtLog; entries: LogEntry[] }> {
    const { maxLines, warn, lockStaleMs = LOCK_STALE_MS } = settings;
    await mkdir(folder, { recursive: true });
    const release = await lockFolder(folder, lockStaleMs, warn);
    try {
      const older = await readEntries(olderPath(folder), warn);
      const newer = await readEntries(newerPath(folder), warn);
      const file = await open(newerPath(folder), 'a');
      const log = new ThoughtLog({ folder, maxLines, warn, release, file, lines: newer.length });
      return { log, entries: [...older, ...newer] };
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
        if (this.#lines >= this.#maxLines) await this.#rotate();
        await this.#file.appendFile(lineOf(entry));
        this.#lines++;
      } catch (error) {
        this.#broken = true;
        this.#warn(`${this.#folder}: thoughts are no longer written to the disk: ${(error as Error).message}`);
      }
    });
  }

  /** Writes what is still to be written and gives the folder free. */
  async close(): Promise<void> {
    await this.#writing;
    await this.#file.close();
    await this.#release();
  }

  async #rotate(): Promise<void> {
    await this.#file.close();
    await rename(newerPath(this.#folder), olderPath(this.#folder));
    this.#file = await open(newerPath(this.#folder), 'a');
    this.#lines = 0;
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

/** The good lines of a file; afterwards the file has no others. */
async function readEntries(path: string, warn: (message: string) => void): Promise<LogEntry[]> {
  const found = await stat(path).catch(() => undefined);
  if (!found) return [];
  const entries: LogEntry[] = [];
  const bad: number[] = [];
  let lines = 0;
  for await (const line of createInterface({ input: createReadStream(path), crlfDelay: Number.POSITIVE_INFINITY })) {
    lines++;
    const entry = entryOf(line);
    if (entry) entries.push(entry);
    else bad.push(lines);
  }
  const torn = found.size > 0 && !(await endsWithNewline(path, found.size));
  const damaged = bad.filter((line) => !(torn && line === lines));
  if (damaged.length > 0) {
    const aside = `${path}.damaged`;
    await rename(path, aside);
    warn(
      `${path}: ${damaged.length} of ${lines} lines are damaged, the first is line ${damaged[0]}. ` +
        `The file was set aside as ${aside}, and the other thoughts were kept.`,
    );
  }
  if (damaged.length > 0 || torn) await writeAtomically(path, entries.map(lineOf).join(''));
  return entries;
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

async function lockFolder(
  folder: string,
  stale: number,
  warn: (message: string) => void,
): Promise<() => Promise<void>> {
  let lost = false;
  try {
    const release = await lockfile.lock(folder, {
      lockfilePath: join(folder, 'server.lock'),
      stale,
      update: stale / 4,
      // Long enough for the lock of a killed server to go stale.
      retries: {
        retries: Math.ceil((1.5 * stale) / LOCK_RETRY_MS),
        factor: 1,
        minTimeout: LOCK_RETRY_MS,
        maxTimeout: LOCK_RETRY_MS,
      },
      onCompromised: (error) => {
        lost = true;
        warn(`${folder}: another process may be writing here too: ${error.message}`);
      },
    });
    return async () => {
      if (!lost) await release();
    };
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'ELOCKED') throw cause;
    throw new O1Error('another server keeps its thoughts here.', {
      where: folder,
      hint: 'Give each server a folder of its own.',
      cause,
    });
  }
}
