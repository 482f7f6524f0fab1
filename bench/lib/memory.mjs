/** Peak resident memory of this process. */
import { readFileSync } from 'node:fs';

/**
 * Bytes. On Linux from `VmHWM`: the figure of getrusage starts at what the parent held when it started this process.
 * @returns {number}
 */
export function peakMemory() {
  if (process.platform === 'linux') {
    const kilobytes = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1];
    if (kilobytes !== undefined) return Number(kilobytes) * 1024;
  }
  return process.resourceUsage().maxRSS * 1024;
}
