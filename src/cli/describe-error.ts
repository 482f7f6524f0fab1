import { O1Error } from '../errors.js';

/**
 * An error as the command line prints it.
 *
 * What the user can act on (an `O1Error`, or what the operating system says) is its message alone; anything else is a
 * defect and says how to see more. With `verbose` the stack trace and the causes follow.
 */
export function describeError(error: unknown, verbose: boolean): string {
  if (!(error instanceof Error)) return `error: ${String(error)}\n`;
  const expected = error instanceof O1Error || 'syscall' in error;
  const message = expected ? `error: ${error.message}\n` : `unexpected error: ${error.message}\n`;
  if (verbose) return `${message}${stackOf(error)}\n`;
  return expected ? message : `${message}This is a defect. Run again with --verbose for its place in the code.\n`;
}

function stackOf(error: Error): string {
  const own = error.stack ?? String(error);
  return error.cause instanceof Error ? `${own}\ncaused by ${stackOf(error.cause)}` : own;
}
