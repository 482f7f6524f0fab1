import { type FileHandle, mkdir, open, readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { crashPoint } from '../crash-point.js';
import { CorruptFileError, O1Error } from '../errors.js';

/**
 * What a stage has done so far, on disk: append-only JSONL of `{"key", "value"}`, read whole when it is opened.
 *
 * An `append` that has returned is on the disk; after a crash only appends in flight are lost. A torn last line, which a crash
 * may leave, is cut off when the journal is opened. One process at a time may have a journal open.
 */
export class Journal<T> {
  readonly path: string;
  readonly #file: FileHandle;
  readonly #values: Map<string, T>;
  #waiting: { line: string; resolve: () => void; reject: (error: O1Error) => void }[] = [];
  #writing: Promise<void> | undefined;
  /** Set by a write that failed: what it left on the disk is unknown, so nothing may be appended to it. */
  #failure: O1Error | undefined;

  private constructor(path: string, file: FileHandle, values: Map<string, T>) {
    this.path = path;
    this.#file = file;
    this.#values = values;
  }

  /** Opens a journal, or starts one; folders are made. Throws CorruptFileError where a line before the last is not one of a journal. */
  static async open<T>(path: string): Promise<Journal<T>> {
    await mkdir(dirname(path), { recursive: true });
    const bytes = await readFile(path).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return Buffer.alloc(0);
      throw error;
    });
    const whole = bytes.lastIndexOf('\n') + 1;
    const values = parseLines<T>(bytes.subarray(0, whole).toString('utf8'), path);
    const file = await open(path, 'a');
    try {
      if (whole < bytes.length) await file.truncate(whole);
    } catch (error) {
      await file.close();
      throw error;
    }
    return new Journal(path, file, values);
  }

  get(key: string): T | undefined {
    return this.#values.get(key);
  }

  has(key: string): boolean {
    return this.#values.has(key);
  }

  /** Keys and values in the order of their first append. */
  entries(): IterableIterator<[string, T]> {
    return this.#values.entries();
  }

  get size(): number {
    return this.#values.size;
  }

  /** Returns once the entry is on the disk; appends that wait are flushed together. A later value for a key replaces the earlier. */
  append(key: string, value: T): Promise<void> {
    if (this.#failure) return Promise.reject(this.#failure);
    this.#values.set(key, value);
    return new Promise((resolve, reject) => {
      this.#waiting.push({ line: `${JSON.stringify({ key, value })}\n`, resolve, reject });
      this.#writing ??= this.#write();
    });
  }

  /** Waits for what is being written. */
  async close(): Promise<void> {
    await this.#writing;
    await this.#file.close();
  }

  async #write(): Promise<void> {
    while (this.#waiting.length > 0) {
      const batch = this.#waiting;
      this.#waiting = [];
      try {
        crashPoint('journal-before-write');
        await this.#file.appendFile(batch.map(({ line }) => line).join(''));
        crashPoint('journal-before-flush');
        await this.#file.datasync();
        crashPoint('journal-after-flush');
        for (const { resolve } of batch) resolve();
      } catch (error) {
        this.#failure = new O1Error('cannot write the journal', {
          where: this.path,
          hint: `${(error as Error).message}. Free space or choose another folder, then run the same command again.`,
          cause: error,
        });
        for (const { reject } of [...batch, ...this.#waiting]) reject(this.#failure);
        this.#waiting = [];
      }
    }
    this.#writing = undefined;
  }
}

function parseLines<T>(text: string, path: string): Map<string, T> {
  const values = new Map<string, T>();
  text
    .split('\n')
    .slice(0, -1)
    .forEach((line, i) => {
      const entry = parseEntry<T>(line);
      if (!entry) {
        throw new CorruptFileError('expected a line of a journal, {"key": …, "value": …}', {
          where: `${path}:${i + 1}`,
          hint: 'Delete this line: what it stood for is done again.',
        });
      }
      values.set(entry.key, entry.value);
    });
  return values;
}

function parseEntry<T>(line: string): { key: string; value: T } | undefined {
  try {
    const entry = JSON.parse(line);
    return typeof entry?.key === 'string' && 'value' in entry ? entry : undefined;
  } catch {
    return undefined;
  }
}
