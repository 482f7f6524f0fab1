/** The demo from start to table, with the model already fetched. Takes minutes, so it runs only when asked for by name. */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { modelFiles } from '../lib/model.mjs';
import { timed } from '../lib/timing.mjs';

/** @param {import('../lib/report.mjs').Report} report */
export async function run(report) {
  await modelFiles();
  const cli = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));
  const milliseconds = await timed(async () => {
    // The demo's own output goes to stderr: stdout is for the figures.
    const child = spawn(process.execPath, [cli, 'demo'], { stdio: ['ignore', process.stderr, process.stderr] });
    const code = await new Promise((resolve, reject) => child.on('error', reject).on('exit', resolve));
    if (code !== 0) throw new Error(`the demo ended with exit code ${code}`);
  });
  report.row({ what: 'demo, wall time', unit: 's', ours: milliseconds / 1000, target: 'ours <= 480' });
}
