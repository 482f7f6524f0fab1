import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { lock } from 'proper-lockfile';
import { O1Error, throwIfAborted } from '../errors.js';

/**
 * A lock whose holder has not renewed it for this long belongs to a process that was killed. The library's smallest value
 * that it calls safe: whoever runs the command again after a kill waits for it.
 */
const STALE_MS = 5_000;
const RETRY_MS = 200;

/**
 * Runs `work` while no other process runs work under the same `path` (the lock itself is the folder `<path>.lock`). Waits as
 * long as the other process lives; a lock left by a killed process is taken over after five seconds.
 *
 * @param onWait called a few times a second while another process holds the lock
 * @param work gets a signal that is aborted with the caller's, or when the lock is lost
 */
export async function withLock<T>(
  path: string,
  options: { signal?: AbortSignal | undefined; onWait?: () => Promise<void> },
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  await mkdir(dirname(path), { recursive: true });
  const lost = new AbortController();
  const acquire = () =>
    lock(path, {
      realpath: false,
      stale: STALE_MS,
      onCompromised: (cause) =>
        lost.abort(
          new O1Error('the lock on this folder was lost while a model was being fetched into it.', {
            where: path,
            hint: 'Expected it to be renewed every few seconds; was the machine asleep? Run the command again.',
            cause,
          }),
        ),
    });
  let release: () => Promise<void>;
  for (;;) {
    throwIfAborted(options.signal);
    try {
      release = await acquire();
      break;
    } catch (error) {
      if ((error as { code?: string }).code !== 'ELOCKED') throw error;
    }
    await options.onWait?.();
    await delay(RETRY_MS);
  }
  const signal = options.signal === undefined ? lost.signal : AbortSignal.any([options.signal, lost.signal]);
  try {
    return await work(signal);
  } finally {
    // A lost lock has nothing left to release.
    if (!lost.signal.aborted) await release();
  }
}
