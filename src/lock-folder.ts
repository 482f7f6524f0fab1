import { join } from 'node:path';
import lockfile from 'proper-lockfile';

/** A holder refreshes its lock several times in this time; a lock that was not refreshed belongs to a killed process. */
const DEFAULT_STALE_MS = 10_000;
const RETRY_MS = 200;

/**
 * Waits for the lock `name` of a folder, long enough for one left by a killed process to go stale.
 *
 * @param onLost called when another process has taken the lock, because this one stood still for longer than the lock lives
 * @returns releases the lock, if it is still held.
 * @throws with code `ELOCKED` when another process still holds it then.
 */
export async function lockFolder(
  folder: string,
  name: string,
  { staleMs = DEFAULT_STALE_MS, onLost }: { staleMs?: number | undefined; onLost: (error: Error) => void },
): Promise<() => Promise<void>> {
  let lost = false;
  const release = await lockfile.lock(folder, {
    lockfilePath: join(folder, name),
    stale: staleMs,
    update: staleMs / 4,
    retries: {
      retries: Math.ceil((1.5 * staleMs) / RETRY_MS),
      factor: 1,
      minTimeout: RETRY_MS,
      maxTimeout: RETRY_MS,
    },
    onCompromised: (error) => {
      lost = true;
      onLost(error);
    },
  });
  return async () => {
    if (!lost) await release();
  };
}

/** Whether a lock could not be had because another process holds it. */
export const isHeldByAnother = (error: unknown): boolean => (error as NodeJS.ErrnoException).code === 'ELOCKED';
