import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { CorruptFileError, MismatchError, NotFoundError } from '../errors.js';
import { writeAtomically } from '../write-atomically.js';
import type { EncoderIdentity } from './document-encoder.js';
import { TEXT_HASH } from './records.js';

const FORMAT_VERSION = 1;

const manifestSchema = z.object({
  formatVersion: z.literal(FORMAT_VERSION),
  /** Fingerprint of the encoder that made the vectors. */
  encoder: z.string(),
  dimensions: z.int().positive(),
  /** The vectors stand in the folder `generation-<n>`; each `reindex` makes the next one. */
  generation: z.int().positive(),
  /** Documents after the last complete run. A run that was killed leaves the number of the run before. */
  documents: z.int().nonnegative(),
  /** Where the documents came from, in words for a person. */
  source: z.string(),
  /** Algorithm of the text hashes. */
  textHash: z.literal(TEXT_HASH),
});

/** What an index says about itself, in `manifest.json`. */
export type IndexManifest = Readonly<z.infer<typeof manifestSchema>>;

/** The index that is searched. */
export const manifestPath = (folder: string): string => join(folder, 'manifest.json');
/** The index that `reindex` is building; renamed to `manifest.json` when it is complete. */
export const rebuildPath = (folder: string): string => join(folder, 'rebuild.json');
export const generationFolder = (folder: string, generation: number): string =>
  join(folder, `generation-${generation}`);

export function newManifest(encoder: EncoderIdentity, generation: number, source: string): IndexManifest {
  return {
    formatVersion: FORMAT_VERSION,
    encoder: encoder.fingerprint,
    dimensions: encoder.dimensions,
    generation,
    documents: 0,
    source,
    textHash: TEXT_HASH,
  };
}

/**
 * Reads the manifest of an index folder, without opening the index.
 *
 * @throws NotFoundError when there is no index, CorruptFileError when the file is damaged, MismatchError when another
 * version of the format wrote it.
 */
export async function readManifest(folder: string): Promise<IndexManifest> {
  const manifest = await readManifestFile(manifestPath(folder));
  if (!manifest) {
    throw new NotFoundError('no index here: manifest.json is missing.', {
      where: folder,
      hint: 'Index a corpus first.',
    });
  }
  return manifest;
}

/** The manifest in a file; `undefined` when there is no such file. */
export async function readManifestFile(path: string): Promise<IndexManifest | undefined> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  const hint = 'Delete the folder of the index and index the corpus again.';
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new CorruptFileError(`expected a JSON manifest: ${(cause as Error).message}.`, { where: path, hint, cause });
  }
  const version = (value as { formatVersion?: unknown } | null)?.formatVersion;
  if (typeof version === 'number' && version !== FORMAT_VERSION) {
    throw new MismatchError(`this index has format ${version}, this program reads format ${FORMAT_VERSION}.`, {
      where: path,
      hint,
    });
  }
  const parsed = manifestSchema.safeParse(value);
  if (!parsed.success) {
    const issue = parsed.error.issues[0]!;
    throw new CorruptFileError(`field "${issue.path.join('.')}": ${issue.message}.`, { where: path, hint });
  }
  return parsed.data;
}

export async function writeManifest(path: string, manifest: IndexManifest): Promise<void> {
  await writeAtomically(path, `${JSON.stringify(manifest, null, 2)}\n`);
}

/** @throws MismatchError with both fingerprints when another encoder made the index. */
export function assertSameEncoder(manifest: IndexManifest, encoder: EncoderIdentity, where: string): void {
  if (manifest.encoder === encoder.fingerprint && manifest.dimensions === encoder.dimensions) return;
  throw new MismatchError(
    `the index was made by "${manifest.encoder}" (${manifest.dimensions} dimensions), ` +
      `the encoder in use is "${encoder.fingerprint}" (${encoder.dimensions} dimensions).`,
    { where, hint: 'Use the encoder that made it, or run reindex to embed everything anew.' },
  );
}
