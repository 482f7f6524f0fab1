import { mkdir, open, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { O1Error } from '../errors.js';

const OWNER = 'synth.pid';

/**
 * Runs work that writes to an output folder, one process of this machine at a time. What a killed process left is taken over.
 *
 * @throws O1Error when another process works there.
 */
export async function inOutputFolder<T>(folder: string, work: () => Promise<T>): Promise<T> {
  await mkdir(folder, { recursive: true });
  const owner = join(folder, OWNER);
  await take(owner, folder);
  try {
    await removeUnfinished(folder);
    return await work();
  } finally {
    await rm(owner, { force: true });
  }
}

async function take(owner: string, folder: string): Promise<void> {
  const file = await open(owner, 'wx').catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error;
    return undefined;
  });
  if (file) {
    await file.writeFile(`${process.pid}\n`);
    await file.close();
    return;
  }
  const pid = Number(await readFile(owner, 'utf8'));
  // An own id is that of a dead process which had the same one, as is usual in containers. An empty file has no owner yet, or none any more.
  if (pid !== process.pid && pid > 0 && isAlive(pid)) {
    throw new O1Error(`another run works here, in process ${pid}.`, {
      where: folder,
      hint: `Wait until it has finished, or name another folder. If no such run exists, delete ${owner}.`,
    });
  }
  await rm(owner, { force: true });
  await take(owner, folder);
}

/** Temporary files of a killed process: their names end as `writeAtomically` makes them. */
async function removeUnfinished(folder: string): Promise<void> {
  for (const name of await readdir(folder, { recursive: true })) {
    if (/\.\d+\.tmp$/.test(name)) await rm(join(folder, name), { force: true });
  }
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
