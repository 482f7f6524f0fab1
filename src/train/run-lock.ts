import { existsSync } from 'node:fs';
import { mkdir, readFile, realpath, rm } from 'node:fs/promises';
import { join } from 'node:path';
import lockfile from 'proper-lockfile';
import { O1Error } from '../errors.js';
import { writeAtomically } from '../write-atomically.js';

const OWNER = 'train.pid';
const LOCK = 'train.lock';

/** What the lock leaves in an output folder while a run goes on, or after one was killed. */
export const LOCK_FILES: readonly string[] = [OWNER, LOCK];

/** Long enough for one that was killed within these few milliseconds to be taken for dead. */
const STALE_MS = 10_000;
const RETRY_MS = 200;

/** Folders in which this very process trains. */
const held = new Set<string>();

/**
 * The right to train in a folder, held by one run of this machine at a time, until the returned function is called or the
 * process ends.
 *
 * The owner is known by its process id: a lock that must be refreshed would not do, as the runtime keeps Node's event loop
 * waiting for as long as a step takes. Only the look at the owner is guarded by such a lock.
 *
 * @throws O1Error when another run holds it.
 */
export async function acquireRunLock(output: string): Promise<() => Promise<void>> {
  await mkdir(output, { recursive: true });
  const folder = await realpath(output);
  const unlock = await lockfile.lock(folder, {
    lockfilePath: join(folder, LOCK),
    stale: STALE_MS,
    retries: {
      retries: Math.ceil((1.5 * STALE_MS) / RETRY_MS),
      factor: 1,
      minTimeout: RETRY_MS,
      maxTimeout: RETRY_MS,
    },
  });
  const owner = join(folder, OWNER);
  try {
    const pid = existsSync(owner) ? Number(await readFile(owner, 'utf8')) : undefined;
    // An own id that is not held is that of a dead process which had the same one, as is usual in containers.
    if (held.has(folder) || (pid !== undefined && pid !== process.pid && isAlive(pid))) {
      throw new O1Error(`another run is training here, in process ${pid}`, {
        where: output,
        hint: `Wait until it has finished, or name another folder. If no such run exists, delete ${owner}.`,
      });
    }
    await writeAtomically(owner, `${process.pid}\n`);
    held.add(folder);
  } finally {
    await unlock();
  }
  return async () => {
    await rm(owner, { force: true });
    held.delete(folder);
  };
}

function isAlive(pid: number): boolean {
  try {
    // Signal 0 only asks.
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
