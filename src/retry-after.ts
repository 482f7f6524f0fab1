/**
 * What a server's `Retry-After` asks for, in ms: a number of seconds or a date (RFC 9110, section 10.2.3).
 *
 * @returns `undefined` where there is none, or it is neither.
 */
export function retryAfterMs(header: string | null | undefined): number | undefined {
  const value = header?.trim();
  if (!value) return undefined;
  const ms = /^\d+(\.\d+)?$/.test(value) ? 1000 * Number(value) : Date.parse(value) - Date.now();
  return Number.isNaN(ms) ? undefined : Math.max(0, ms);
}
