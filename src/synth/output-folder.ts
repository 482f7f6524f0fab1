import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { acquireRunLock } from '../run-lock.js';

/**
 * Runs work that writes to an output folder, one process of this machine at a time. What a killed process left is taken over.
 *
 * @throws O1Error when another process works there.
 */
export async function inOutputFolder<T>(folder: string, work: () => Promise<T>): Promise<T> {
  const release = await acquireRunLock(folder, { name: 'synth', doing: 'works' });
  try {
    await removeUnfinished(folder);
    return await work();
  } finally {
    await release();
  }
}

/** Temporary files of a killed process: their names end as `writeAtomically` makes them. */
async function removeUnfinished(folder: string): Promise<void> {
  for (const name of await readdir(folder, { recursive: true })) {
    if (/\.\d+\.tmp$/.test(name)) await rm(join(folder, name), { force: true });
  }
}
