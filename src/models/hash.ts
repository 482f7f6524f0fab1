import { createHash, type Hash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, readFile, rename, stat, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { z } from 'zod';

export interface HashOptions {
  readonly signal?: AbortSignal | undefined;
  /** Called with the number of bytes hashed so far. */
  readonly onBytes?: ((bytes: number) => void) | undefined;
}

/** Hashing runs at about 0.6 GB/s: files up to this size are hashed at every load, larger ones are remembered. */
const REMEMBER_FROM_BYTES = 1e9;

const BLOCK_BYTES = 1 << 20;

async function hashFile(path: string, hash: Hash, { signal, onBytes }: HashOptions): Promise<string> {
  let bytes = 0;
  for await (const block of createReadStream(path, { highWaterMark: BLOCK_BYTES, signal })) {
    hash.update(block);
    bytes += block.length;
    onBytes?.(bytes);
  }
  return hash.digest('hex');
}

/** SHA-256 of a file, as lower-case hex. */
export function sha256OfFile(path: string, options: HashOptions = {}): Promise<string> {
  return hashFile(path, createHash('sha256'), options);
}

/** What git calls the file's object id: SHA-1 over `blob <size>\0` and the content. The Hub states it for small files. */
export async function gitBlobSha1OfFile(path: string, options: HashOptions = {}): Promise<string> {
  const { size } = await stat(path);
  return hashFile(path, createHash('sha1').update(`blob ${size}\0`), options);
}

/** One hash for a model: that of its only weight file, or SHA-256 over the hex hashes of all in order. */
export function combinedSha256(hashes: readonly string[]): string {
  return hashes.length === 1 ? hashes[0]! : createHash('sha256').update(hashes.join('')).digest('hex');
}

const rememberedSchema = z.record(
  z.string(),
  z.object({ bytes: z.number(), modifiedMs: z.number(), sha256: z.string() }),
);

/**
 * SHA-256 of a file; for a large one it is kept in `<cacheDir>/hashes.json` under the file's path, size and time of
 * change, and computed anew only when one of them differs. A damaged list is begun anew: it holds nothing that cannot
 * be computed again.
 *
 * @param fromBytes what counts as large; below it a file is hashed each time
 */
export async function rememberedSha256(
  path: string,
  cacheDir: string,
  options: HashOptions = {},
  fromBytes = REMEMBER_FROM_BYTES,
): Promise<string> {
  const { size, mtimeMs } = await stat(path);
  if (size < fromBytes) return sha256OfFile(path, options);
  const key = resolve(path);
  const known = (await readRemembered(cacheDir))[key];
  if (known?.bytes === size && known.modifiedMs === mtimeMs) return known.sha256;
  const sha256 = await sha256OfFile(path, options);
  const all = { ...(await readRemembered(cacheDir)), [key]: { bytes: size, modifiedMs: mtimeMs, sha256 } };
  const list = listPath(cacheDir);
  await mkdir(cacheDir, { recursive: true });
  await writeFile(`${list}.${process.pid}.tmp`, JSON.stringify(all, null, 2));
  await rename(`${list}.${process.pid}.tmp`, list);
  return sha256;
}

const listPath = (cacheDir: string) => join(cacheDir, 'hashes.json');

async function readRemembered(cacheDir: string): Promise<z.infer<typeof rememberedSchema>> {
  try {
    return rememberedSchema.parse(JSON.parse(await readFile(listPath(cacheDir), 'utf8')));
  } catch {
    return {};
  }
}
