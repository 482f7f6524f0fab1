import { homedir } from 'node:os';
import { join, resolve } from 'node:path';

/**
 * The folder that keeps fetched models: `O1_CACHE`, else `o1-embedder` under `XDG_CACHE_HOME`, else
 * `~/.cache/o1-embedder`. It is not created here. An empty variable counts as unset.
 */
export function cacheFolder(environment: NodeJS.ProcessEnv = process.env): string {
  if (environment.O1_CACHE) return resolve(environment.O1_CACHE);
  const base = environment.XDG_CACHE_HOME ? resolve(environment.XDG_CACHE_HOME) : join(homedir(), '.cache');
  return join(base, 'o1-embedder');
}

/**
 * Whether the environment forbids the network: `O1_OFFLINE` or `HF_HUB_OFFLINE` set to 1, true, yes or on (the values
 * that the Hub's own tools accept).
 */
export function offlineByEnvironment(environment: NodeJS.ProcessEnv = process.env): boolean {
  return [environment.O1_OFFLINE, environment.HF_HUB_OFFLINE].some((value) => /^(1|true|yes|on)$/i.test(value ?? ''));
}

/** Whether the reason is this machine's disk and not a source: no other source would do better. */
export function isDiskError(error: unknown): error is NodeJS.ErrnoException {
  return /^(EACCES|EDQUOT|EIO|ENOSPC|ENOTDIR|EPERM|EROFS)$/.test(
    String((error as { code?: unknown } | undefined)?.code),
  );
}
