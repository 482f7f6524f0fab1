import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import lockfile from 'proper-lockfile';
import { O1Error } from '../errors.js';

/** A writer refreshes its lock several times in this time; a lock that was not refreshed belongs to a killed process. */
const DEFAULT_STALE_MS = 10_000;
const RETRY_MS = 200;

/** The right to write to an index folder, held by one process at a time. Readers need none. */
export interface WriterLock {
  /** @throws O1Error when the lock was lost, because the process stood still for longer than the lock lives. */
  assertHeld(): void;
  release(): Promise<void>;
}

/**
 * Waits for the lock of a folder, long enough for one left by a killed process to go stale.
 *
 * @throws O1Error when another process is still writing then.
 */
export async function acquireWriterLock(folder: string, staleMs = DEFAULT_STALE_MS): Promise<WriterLock> {
  await mkdir(folder, { recursive: true });
  let lost: Error | undefined;
  let unlock: () => Promise<void>;
  try {
    unlock = await lockfile.lock(folder, {
      lockfilePath: join(folder, 'writer.lock'),
      stale: staleMs,
      update: staleMs / 4,
      retries: {
        retries: Math.ceil((1.5 * staleMs) / RETRY_MS),
        factor: 1,
        minTimeout: RETRY_MS,
        maxTimeout: RETRY_MS,
      },
      onCompromised: (error) => {
        lost = error;
      },
    });
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'ELOCKED') throw cause;
    throw new O1Error('another process is writing to this index.', {
      where: folder,
      hint: 'Wait until it has finished; searching is possible meanwhile.',
      cause,
    });
  }
  return {
    assertHeld() {
      if (!lost) return;
      throw new O1Error('the right to write to this index was lost.', {
        where: folder,
        hint: 'Run the command again; what was committed is kept.',
        cause: lost,
      });
    },
    async release() {
      if (!lost) await unlock();
    },
  };
}
