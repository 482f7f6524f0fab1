/**
 * `node bench/peers.mjs install`: puts the peers of the benches into `bench/.peers` (about 1 GB; python3 and npm needed).
 * Where a plain `torch` comes with CUDA, set up pip for PyTorch's CPU builds first: the rest is several gigabytes.
 */
import { spawn } from 'node:child_process';
import { copyFile, mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { nodeFolder, python, pythonFolder, pythonInstalled, requirements } from './lib/peers.mjs';

/** llama.cpp's CPU build for this machine. The package's other optional ones are GPU builds of several gigabytes. */
function llamaBinaries() {
  const { platform, arch } = process;
  if (platform === 'darwin') return arch === 'arm64' ? 'mac-arm64-metal' : 'mac-x64';
  return platform === 'win32' ? `win-${arch}` : `linux-${arch}`;
}

async function install() {
  await mkdir(nodeFolder, { recursive: true });
  await writeFile(path.join(nodeFolder, 'package.json'), '{ "private": true }\n');
  const packages = ['node-llama-cpp@3.22.1', `@node-llama-cpp/${llamaBinaries()}@3.22.1`];
  await run(
    'npm',
    ['install', '--omit=optional', '--ignore-scripts', '--no-audit', '--no-fund', ...packages],
    nodeFolder,
  );
  await run('python3', ['-m', 'venv', pythonFolder]);
  await run(python, ['-m', 'pip', 'install', '-r', requirements]);
  await copyFile(requirements, pythonInstalled);
}

/** @param {string} command @param {readonly string[]} args @param {string} [cwd] */
async function run(command, args, cwd) {
  console.error(`> ${command} ${args.join(' ')}`);
  const child = spawn(command, args, { cwd, stdio: 'inherit', shell: process.platform === 'win32' });
  const code = await new Promise((resolve, reject) => child.on('error', reject).on('exit', resolve));
  if (code !== 0) throw new Error(`${command} ended with exit code ${code}`);
}

if (process.argv[2] === 'install') {
  await install();
} else {
  console.error('Usage: node bench/peers.mjs install');
  process.exitCode = 1;
}
