import { createHash } from 'node:crypto';
import { mkdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { crashPoint } from '../crash-point.js';
import { CorruptFileError, MismatchError } from '../errors.js';
import { writeAtomically } from '../write-atomically.js';

/**
 * What an encoder has computed, on disk, so that an evaluation that was stopped or killed goes on where it was.
 *
 * Each encoder, by its fingerprint, has a folder of its own; an entry is one file, written whole or not at all, under a name
 * made of everything that its value depends on. Several processes may use one folder.
 */
export class VectorCache {
  readonly #folder: string;
  readonly #fingerprint: string;

  /** @param root folder of all encoders. @param fingerprint of the encoder: entries of another one are never returned. */
  constructor(root: string, fingerprint: string) {
    this.#folder = join(root, sha256(fingerprint).slice(0, 16));
    this.#fingerprint = fingerprint;
  }

  /** The entry of a key, or `undefined` where there is none yet. */
  async get<T>(key: unknown): Promise<T | undefined> {
    const path = this.#path(key);
    let text: string;
    try {
      text = await readFile(path, 'utf8');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw error;
    }
    const entry = parseEntry<T>(text);
    if (!entry) {
      throw new CorruptFileError('is not an entry of the vector cache', {
        where: path,
        hint: 'Delete it and run again.',
      });
    }
    // The folder's name says it already; this holds where a folder was copied or renamed.
    if (entry.fingerprint !== this.#fingerprint) {
      throw new MismatchError(`holds vectors of ${entry.fingerprint}, expected those of ${this.#fingerprint}`, {
        where: path,
        hint: 'Delete the folder and run again.',
      });
    }
    return entry.value;
  }

  async set(key: unknown, value: unknown): Promise<void> {
    const path = this.#path(key);
    await mkdir(dirname(path), { recursive: true });
    crashPoint('eval-before-write');
    await writeAtomically(path, JSON.stringify({ fingerprint: this.#fingerprint, value }));
    crashPoint('eval-after-write');
  }

  #path(key: unknown): string {
    const name = sha256(JSON.stringify(key));
    // A folder of thousands of files is slow to list: 256 of them instead.
    return join(this.#folder, name.slice(0, 2), `${name.slice(2, 34)}.json`);
  }
}

function parseEntry<T>(text: string): { fingerprint: string; value: T } | undefined {
  try {
    const entry = JSON.parse(text);
    return typeof entry?.fingerprint === 'string' && 'value' in entry ? entry : undefined;
  } catch {
    return undefined;
  }
}

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');
