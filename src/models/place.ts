import { open, rename, rm } from 'node:fs/promises';
import { basename } from 'node:path';
import { crashPoint } from '../crash-point.js';
import { CorruptFileError } from '../errors.js';
import { bytesOf } from './download.js';
import { gitBlobSha1OfFile, sha256OfFile } from './hash.js';
import { type OnProgress, ProgressMeter } from './progress.js';

/** What a file's bytes must be. One of the hashes is always known: nothing unverified is placed in the cache. */
export type Fingerprint =
  | { readonly bytes: number; readonly sha256: string }
  | { readonly bytes: number; readonly gitBlobSha1: string };

/** `undefined` when the file at `path` is what it should be, else one line on the difference. */
export async function difference(
  path: string,
  expected: Fingerprint,
  options: { signal?: AbortSignal | undefined; meter?: ProgressMeter | undefined; sha256?: string } = {},
): Promise<string | undefined> {
  const bytes = await bytesOf(path);
  if (bytes !== expected.bytes) return `expected ${expected.bytes} bytes, got ${bytes}`;
  const hashing = { signal: options.signal, onBytes: (done: number) => options.meter?.update(done) };
  if ('sha256' in expected) {
    const sha256 = options.sha256 ?? (await sha256OfFile(path, hashing));
    return sha256 === expected.sha256 ? undefined : `expected SHA-256 ${expected.sha256}, got ${sha256}`;
  }
  const sha1 = await gitBlobSha1OfFile(path, hashing);
  return sha1 === expected.gitBlobSha1 ? undefined : `expected git object ${expected.gitBlobSha1}, got ${sha1}`;
}

/**
 * Checks the finished temporary file and renames it to its place, so that a file with the right name is always whole.
 *
 * @throws CorruptFileError when it is not what it should be; the temporary file is removed then.
 */
export async function verifyAndPlace(
  temporary: string,
  destination: string,
  expected: Fingerprint,
  source: string,
  options: { signal?: AbortSignal | undefined; onProgress?: OnProgress | undefined } = {},
): Promise<void> {
  const meter = new ProgressMeter(basename(destination), 'verify', expected.bytes, options.onProgress);
  const wrong = await difference(temporary, expected, { signal: options.signal, meter });
  if (wrong !== undefined) {
    await rm(temporary, { force: true });
    throw new CorruptFileError(`${wrong}. The file was removed.`, { where: source });
  }
  const file = await open(temporary, 'r+');
  try {
    // Without it a power cut after the rename could leave a whole name with half a content.
    await file.sync();
  } finally {
    await file.close();
  }
  crashPoint('fetch-before-rename');
  await rename(temporary, destination);
  crashPoint('fetch-after-rename');
}
