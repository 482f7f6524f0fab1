import { createHash } from 'node:crypto';
import type { O1Settings, QueryOptions } from '../../embedder/index.js';

/** What a thought depends on besides the query and its options. */
export interface ThoughtOrigin {
  /** Of the service that writes it. */
  readonly fingerprint: string;
  /** How the adapter thinks where the options do not say. */
  readonly thinking: O1Settings['thinking'];
}

/**
 * The key of a query's thoughts; `undefined` where they are not worth keeping (none are written) or depend on something
 * else (on the index, where that decides whether to think).
 */
export function thoughtKey(
  { fingerprint, thinking }: ThoughtOrigin,
  text: string,
  options: QueryOptions,
): string | undefined {
  const { signal: _, deadlineMs: __, instantScores, ...rest } = options;
  const settings = { ...thinking, seed: 0, ...definedOnly(rest) };
  const { think } = settings;
  if (think === 'never' || options.thought !== undefined) return undefined;
  if (think === 'auto' && instantScores && thinking.auto?.signal === 'margin') return undefined;
  const parts = Object.entries(settings).sort(([a], [b]) => (a < b ? -1 : 1));
  return createHash('sha256')
    .update(JSON.stringify([fingerprint, text, parts]))
    .digest('hex');
}

/** An option that is `undefined` is one that is not there. */
function definedOnly(options: QueryOptions): QueryOptions {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
}
