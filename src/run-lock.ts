import { existsSync } from 'node:fs';
import { mkdir, readFile, realpath, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { O1Error } from './errors.js';
import { lockFolder } from './lock-folder.js';
import { writeAtomically } from './write-atomically.js';

/** A kind of run: two of one kind exclude each other in a folder. */
export interface RunKind {
  /** Begins the names of its files in the folder. */
  readonly name: string;
  /** For the message: `another run … here`. */
  readonly doing: string;
}

/** What the lock leaves in an output folder while a run goes on, or after one was killed: the owner's id, the guard. */
export const lockFiles = ({ name }: RunKind): [owner: string, guard: string] => [`${name}.pid`, `${name}.lock`];

/** Locks that this very process holds. */
const held = new Set<string>();

/**
 * The right to work in a folder, held by one run of a kind on this machine at a time, until the returned function is called or
 * the process ends.
 *
 * The owner is known by its process id: a lock that must be refreshed would not do, as the runtime keeps Node's event loop
 * waiting for as long as a step of a training takes. Only the look at the owner is guarded by such a lock.
 *
 * @throws O1Error when another run holds it.
 */
export async function acquireRunLock(output: string, kind: RunKind): Promise<() => Promise<void>> {
  await mkdir(output, { recursive: true });
  const folder = await realpath(output);
  const [ownerFile, guardFile] = lockFiles(kind);
  // It is held for a few milliseconds only: too short to be lost.
  const unlock = await lockFolder(folder, guardFile, { onLost: () => {} });
  const owner = join(folder, ownerFile);
  try {
    const pid = existsSync(owner) ? Number(await readFile(owner, 'utf8')) : undefined;
    // An own id that is not held is that of a dead process which had the same one, as is usual in containers.
    if (held.has(owner) || (pid !== undefined && pid !== process.pid && isAlive(pid))) {
      throw new O1Error(`another run ${kind.doing} here, in process ${pid}`, {
        where: output,
        hint: `Wait until it has finished, or name another folder. If no such run exists, delete ${owner}.`,
      });
    }
    await writeAtomically(owner, `${process.pid}\n`);
    held.add(owner);
  } finally {
    await unlock();
  }
  return async () => {
    await rm(owner, { force: true });
    held.delete(owner);
  };
}

function isAlive(pid: number): boolean {
  // 0 and below would ask for a group of processes; such a file is no run's.
  if (!(pid > 0)) return false;
  try {
    // Signal 0 only asks.
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
