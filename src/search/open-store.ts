import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { EncoderIdentity } from './document-encoder.js';
import { LanceStore } from './lance-store.js';
import {
  assertSameEncoder,
  generationFolder,
  manifestPath,
  newManifest,
  readManifest,
  readManifestFile,
  rebuildPath,
  writeManifest,
} from './manifest.js';
import type { VectorStore } from './vector-store.js';
import { acquireWriterLock } from './writer-lock.js';

export interface OpenStoreOptions {
  /** The encoder whose vectors are kept or searched. */
  readonly encoder: EncoderIdentity;
  /** `read` (default) wants an index that is there; `write` creates one where there is none, and keeps other writers out. */
  readonly access?: 'read' | 'write';
  /** Where the documents come from, for the manifest of a new index. */
  readonly source?: string;
  /** After how long a lock that is not refreshed counts as left behind by a killed process. Default 10,000 ms, at least 2,000. */
  readonly lockStaleMs?: number;
}

/**
 * Opens the index in a folder.
 *
 * The folder holds `manifest.json`, the LanceDB tables in `generation-<n>`, and, while somebody writes, `writer.lock`.
 *
 * @throws NotFoundError when there is nothing to read, MismatchError when another encoder made the index,
 * CorruptFileError when the manifest is damaged, O1Error when somebody else writes.
 */
export async function openStore(folder: string, options: OpenStoreOptions): Promise<VectorStore> {
  const { encoder, access = 'read', source = '', lockStaleMs } = options;
  if (access === 'read') return openForReading(folder, encoder);
  const lock = await acquireWriterLock(folder, lockStaleMs);
  try {
    const existing = await readManifestFile(manifestPath(folder));
    if (existing) assertSameEncoder(existing, encoder, folder);
    await removeLeftovers(folder);
    const manifest = existing ?? newManifest(encoder, 1, source);
    const store = await LanceStore.open({ folder, manifest, manifestFile: manifestPath(folder), lock });
    // The manifest last: where there is one, there is a table to read.
    if (!existing) await writeManifest(manifestPath(folder), manifest);
    return store;
  } catch (error) {
    await lock.release();
    throw error;
  }
}

async function openForReading(folder: string, encoder: EncoderIdentity): Promise<VectorStore> {
  const manifest = await readManifest(folder);
  assertSameEncoder(manifest, encoder, folder);
  try {
    return await LanceStore.open({ folder, manifest, manifestFile: manifestPath(folder) });
  } catch (error) {
    // A reindex may have swapped the tables since the manifest was read.
    const now = await readManifest(folder);
    if (now.generation === manifest.generation) throw error;
    return openForReading(folder, encoder);
  }
}

/**
 * Removes what a killed run left behind: tables that no manifest names, and manifests that were written and not renamed. Only for the
 * holder of the writer lock.
 */
export async function removeLeftovers(folder: string): Promise<void> {
  const manifests = [await readManifestFile(manifestPath(folder)), await readManifestFile(rebuildPath(folder))];
  const named = manifests.map((manifest) => manifest && generationFolder(folder, manifest.generation));
  for (const entry of await readdir(folder)) {
    const path = join(folder, entry);
    const isLeftover = entry.endsWith('.tmp') || (/^generation-\d+$/.test(entry) && !named.includes(path));
    if (isLeftover) await rm(path, { recursive: true, force: true });
  }
}
