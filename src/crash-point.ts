/**
 * Named moments at which a test may kill the process, to prove that the next run recovers.
 *
 * `O1_CRASH_AT=name` kills the process with SIGKILL at the first call of `crashPoint(name)`, `name:3` at the third.
 * Names have no colon. Without the variable a call costs one comparison.
 */
const [target, nth] = (process.env.O1_CRASH_AT ?? '').split(':');
let remaining = Number(nth ?? 1);

export function crashPoint(name: string): void {
  if (name === target && --remaining === 0) process.kill(process.pid, 'SIGKILL');
}
