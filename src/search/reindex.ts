import { rm } from 'node:fs/promises';
import { crashPoint } from '../crash-point.js';
import { renameDurably } from '../write-atomically.js';
import type { DocumentEncoder } from './document-encoder.js';
import { type IndexOptions, type IndexReport, indexCorpus } from './index-corpus.js';
import { LanceStore } from './lance-store.js';
import {
  type IndexManifest,
  manifestPath,
  newManifest,
  readManifest,
  readManifestFile,
  rebuildPath,
  writeManifest,
} from './manifest.js';
import { removeLeftovers } from './open-store.js';
import { acquireWriterLock, type WriterLock } from './writer-lock.js';

export type ReindexOptions = Pick<IndexOptions, 'signal' | 'onProgress' | 'chunkSize'> & {
  /** As in `openStore`. */
  readonly lockStaleMs?: number;
};

/**
 * Embeds everything in an index anew, with another encoder, from the texts the index holds.
 *
 * The new vectors are built beside the old ones, which stay searchable with the old encoder until the new index is
 * complete; renaming its manifest makes the change, all at once. A run that was killed is taken up where it stood. When
 * this encoder made the index already, nothing is embedded.
 *
 * @throws NotFoundError when there is no index, O1Error when somebody else writes.
 */
export async function reindex(
  folder: string,
  encoder: DocumentEncoder,
  options: ReindexOptions = {},
): Promise<IndexReport> {
  const { lockStaleMs, ...indexOptions } = options;
  // Before the lock, which would make the folder.
  await readManifest(folder);
  const lock = await acquireWriterLock(folder, lockStaleMs);
  try {
    const current = await readManifest(folder);
    if (isMadeBy(current, encoder)) {
      await rm(rebuildPath(folder), { force: true });
      await removeLeftovers(folder);
      const { documents } = current;
      return { embedded: 0, unchanged: documents, removed: 0, documents, tokens: 0 };
    }
    const report = await rebuild(folder, current, encoder, indexOptions, lock);
    crashPoint('reindex-before-swap');
    lock.assertHeld();
    await renameDurably(rebuildPath(folder), manifestPath(folder));
    crashPoint('reindex-mid-swap');
    await removeLeftovers(folder);
    return report;
  } finally {
    await lock.release();
  }
}

async function rebuild(
  folder: string,
  current: IndexManifest,
  encoder: DocumentEncoder,
  options: IndexOptions,
  lock: WriterLock,
): Promise<IndexReport> {
  const manifestFile = rebuildPath(folder);
  let manifest = await readManifestFile(manifestFile);
  if (!manifest || !isMadeBy(manifest, encoder)) {
    await rm(manifestFile, { force: true });
    manifest = undefined;
  }
  await removeLeftovers(folder);
  if (!manifest) {
    manifest = newManifest(encoder, current.generation + 1, current.source);
    await writeManifest(manifestFile, manifest);
  }
  const old = await LanceStore.open({ folder, manifest: current, manifestFile: manifestPath(folder) });
  // The lock is released by `reindex`, after the swap.
  const borrowed: WriterLock = { assertHeld: () => lock.assertHeld(), release: async () => {} };
  const fresh = await LanceStore.open({ folder, manifest, manifestFile, lock: borrowed });
  try {
    // What was deleted or changed in the old index since an earlier, killed run is deleted or changed here too.
    return await indexCorpus(fresh, old.iterate(), encoder, {
      ...options,
      total: await old.count(),
      removeMissing: true,
    });
  } finally {
    await fresh.close();
    await old.close();
  }
}

function isMadeBy(manifest: IndexManifest, encoder: DocumentEncoder): boolean {
  return manifest.encoder === encoder.fingerprint && manifest.dimensions === encoder.dimensions;
}
