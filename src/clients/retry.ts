import { setTimeout as sleep } from 'node:timers/promises';
import { throwIfAborted } from '../errors.js';
import { ApiError } from './api-error.js';

export interface RetryOptions {
  /** Attempts after the first. 0 throws the first error. */
  readonly maxRetries: number;
  readonly signal?: AbortSignal | undefined;
}

/** Wait before the first repetition where the server does not say how long; doubled with each. */
const FIRST_WAIT_MS = 500;
/** A server that asks for more is not waited for: the caller should know. */
const LONGEST_WAIT_MS = 60_000;

/** Repeats a request while the server says that it is busy, after the time that it asks for (`Retry-After`). */
export async function retryWhileBusy<T>(request: () => Promise<T>, options: RetryOptions): Promise<T> {
  const { maxRetries, signal } = options;
  for (let retries = 0; ; retries++) {
    throwIfAborted(signal);
    try {
      return await request();
    } catch (error) {
      if (!(error instanceof ApiError && error.isBusy) || retries >= maxRetries) throw error;
      const wait = error.retryAfterMs ?? FIRST_WAIT_MS * 2 ** retries;
      if (wait > LONGEST_WAIT_MS) throw error;
      // The sleep's own AbortError says less than the signal's reason, which is thrown above.
      await sleep(wait, undefined, signal ? { signal } : {}).catch(() => {});
    }
  }
}
