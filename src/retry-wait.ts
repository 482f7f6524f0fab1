import { setTimeout as sleep } from 'node:timers/promises';
import { throwIfAborted } from './errors.js';

/** Longest wait of our own; a server may ask for more. */
const LONGEST_WAIT_MS = 60_000;
/** A server that asks for more than this is not waited for: the user should know. */
export const LONGEST_RETRY_AFTER_MS = 600_000;

/**
 * How long to wait before a request is sent again: `firstWaitMs`, doubled with each attempt, drawn between half of it and all of it;
 * at least what the server asked for.
 *
 * @param attempt number of the one that failed, from 1
 * @returns `undefined` where the server asks for too long a wait: give up.
 */
export function retryWaitMs(attempt: number, firstWaitMs: number, retryAfterMs = 0): number | undefined {
  if (retryAfterMs > LONGEST_RETRY_AFTER_MS) return undefined;
  const backOff = Math.min(LONGEST_WAIT_MS, firstWaitMs * 2 ** (attempt - 1)) * (0.5 + Math.random() / 2);
  return Math.max(retryAfterMs, backOff);
}

/** Waits; when the signal is aborted, throws its reason at once. */
export async function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  // The sleep's own AbortError says less than the signal's reason.
  if (ms > 0) await sleep(ms, undefined, signal ? { signal } : {}).catch(() => {});
  throwIfAborted(signal);
}
