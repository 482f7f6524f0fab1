/** What a figure depends on besides the code: printed above every table, so that two tables can be compared. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import os from 'node:os';
import path from 'node:path';

const require = createRequire(import.meta.url);

/** @returns {string[]} one line each */
export function settings() {
  const cpus = os.cpus();
  const load = os.loadavg()[0] ?? 0;
  return [
    `CPU: ${cpus[0]?.model.trim()}, ${cpus.length} cores; memory: ${(os.totalmem() / 2 ** 30).toFixed(0)} GiB`,
    `Node.js ${process.version}, onnxruntime-node ${installedVersion('onnxruntime-node')}, ${os.type()} ${os.release()}`,
    // Other people's work on the same cores makes every figure worse, the peers' spinning threads most of all.
    `Load before the start: ${load.toFixed(2)}${load > 0.5 ? ' (the machine is busy: figures are doubtful)' : ''}`,
  ];
}

/**
 * From the package's own `package.json`, which its `exports` may hide from `require`.
 * @param {string} name
 */
function installedVersion(name) {
  for (const folder of require.resolve.paths(name) ?? []) {
    try {
      return JSON.parse(readFileSync(path.join(folder, name, 'package.json'), 'utf8')).version;
    } catch {
      // Not in this folder: the next one up.
    }
  }
  return 'unknown';
}
