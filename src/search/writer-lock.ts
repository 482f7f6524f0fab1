import { mkdir } from 'node:fs/promises';
import { O1Error } from '../errors.js';
import { isHeldByAnother, lockFolder } from '../lock-folder.js';

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
export async function acquireWriterLock(folder: string, staleMs?: number): Promise<WriterLock> {
  await mkdir(folder, { recursive: true });
  let lost: Error | undefined;
  const onLost = (error: Error) => {
    lost = error;
  };
  const release = await lockFolder(folder, 'writer.lock', { staleMs, onLost }).catch((cause) => {
    if (!isHeldByAnother(cause)) throw cause;
    throw new O1Error('another process is writing to this index.', {
      where: folder,
      hint: 'Wait until it has finished; searching is possible meanwhile.',
      cause,
    });
  });
  return {
    assertHeld() {
      if (!lost) return;
      throw new O1Error('the right to write to this index was lost.', {
        where: folder,
        hint: 'Run the command again; what was committed is kept.',
        cause: lost,
      });
    },
    release,
  };
}
