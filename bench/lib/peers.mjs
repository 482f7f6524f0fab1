/**
 * The programs we compare with: where they are installed, and how they are started. None of them is part of this
 * package; `node bench/peers.mjs install` puts them into `bench/.peers`.
 */
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { Worker } from './worker.mjs';

/** The versions that `bench/peers.mjs` and `bench/peers/python/requirements.txt` install. */
export const LLAMA_CPP = 'node-llama-cpp 3.22.1';
export const TRANSFORMERS = 'transformers 5.23.0, PyTorch 2.13.0';
export const PEFT = 'transformers 5.23.0 + PEFT 0.21.2, PyTorch 2.13.0';
export const TWIN = 'reference/ (PyTorch 2.13.0)';

const bench = fileURLToPath(new URL('..', import.meta.url));
export const nodeFolder = path.join(bench, '.peers', 'node');
export const pythonFolder = path.join(bench, '.peers', 'python');
export const requirements = path.join(bench, 'peers', 'python', 'requirements.txt');
export const python = path.join(
  pythonFolder,
  ...(process.platform === 'win32' ? ['Scripts', 'python.exe'] : ['bin', 'python']),
);
/** A copy of the requirements, written when all of them are installed: a break in the middle of pip leaves a folder that looks whole. */
export const pythonInstalled = path.join(pythonFolder, 'installed.txt');

/** Whether the Python peers are there, with all that this version of the benches needs. */
function hasPython() {
  return existsSync(pythonInstalled) && readFileSync(pythonInstalled, 'utf8') === readFileSync(requirements, 'utf8');
}

/** glibc gives freed memory back at each PyTorch step unless told to keep it: 8 and 16 GiB mean "keep". */
const PYTHON_ENVIRONMENT = {
  MALLOC_MMAP_THRESHOLD_: String(8 * 2 ** 30),
  MALLOC_TRIM_THRESHOLD_: String(16 * 2 ** 30),
};

/**
 * Starts node-llama-cpp with the model loaded.
 * @param {import('./report.mjs').Report} report told when it is not installed
 * @param {string} modelPath a GGUF file
 * @returns {Promise<Worker | undefined>} undefined when it is not installed
 */
export function startLlamaCpp(report, modelPath) {
  const installed = existsSync(path.join(nodeFolder, 'node_modules', 'node-llama-cpp'));
  const script = path.join(bench, 'peers', 'node', 'llama.mjs');
  return start(report, LLAMA_CPP, installed, modelPath, () => new Worker(process.execPath, [script, nodeFolder]));
}

/**
 * Starts transformers with the model loaded in fp32.
 * @param {import('./report.mjs').Report} report told when it is not installed
 * @param {string} modelPath a GGUF file
 * @returns {Promise<Worker | undefined>} undefined when it is not installed
 */
export function startTransformers(report, modelPath) {
  const installed = hasPython();
  const script = path.join(bench, 'peers', 'python', 'peer.py');
  return start(report, TRANSFORMERS, installed, modelPath, () => new Worker(python, [script], PYTHON_ENVIRONMENT));
}

/**
 * A process that takes joint training steps in PyTorch, with nothing loaded yet.
 * @returns {Worker | undefined} undefined when it is not installed
 */
export function startTrainingPeer() {
  const script = path.join(bench, 'peers', 'python', 'train_step.py');
  return hasPython() ? new Worker(python, [script], PYTHON_ENVIRONMENT) : undefined;
}

/**
 * @param {import('./report.mjs').Report} report
 * @param {string} name
 * @param {boolean} installed
 * @param {string} modelPath
 * @param {() => Worker} make
 */
async function start(report, name, installed, modelPath, make) {
  if (!installed) {
    report.note(`${name} is not installed: our figure stands alone. To install it: node bench/peers.mjs install`);
    return undefined;
  }
  const worker = make();
  try {
    report.note(`${name}: ${await worker.call('load', { path: modelPath })}`);
    return worker;
  } catch (error) {
    await worker.close();
    throw error;
  }
}
