/**
 * The joint training step, forward, backward and optimiser: tokens a second and peak memory, against PyTorch. Each contestant
 * has a process of its own, and they run one after the other: together they would not fit into memory.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { openAdapter } from '../../dist/embedder/index.js';
import { jointBatch, tokensOf } from '../lib/joint-batches.mjs';
import { modelFiles, OUR_THREADS } from '../lib/model.mjs';
import { readProfile } from '../lib/operator-profile.mjs';
import { PEFT, startTrainingPeer, TWIN } from '../lib/peers.mjs';
import { productPeak } from '../lib/product-peak.mjs';
import { median } from '../lib/stats.mjs';
import { Worker } from '../lib/worker.mjs';

const GIB = 2 ** 30;

/** What is measured; smaller settings only show that the bench works. */
export const FULL = {
  layers: 30,
  /** Queries, and as many documents. */
  batch: 24,
  cachedBatch: 256,
  /** Each contestant's process is started once a round; a step to warm up, then the steps that count. */
  rounds: 2,
  steps: 2,
};

/** All contestants take the same steps from the same weights: their first losses may differ by rounding only. */
const LOSS_TOLERANCE = 5e-3;

/** @typedef {import('../lib/joint-batches.mjs').TokenBatch} TokenBatch */
/** @typedef {{ seconds: number[], loss: number, bytes: number }} Measured */

/**
 * @param {import('../lib/report.mjs').Report} report
 * @param {typeof FULL} settings
 */
export async function run(report, settings = FULL) {
  const { layers, rounds } = settings;
  const [batch, large] = [await jointBatch(settings.batch), await jointBatch(settings.cachedBatch)];
  const model = (await modelFiles()).path;
  const peer = (/** @type {string} */ kind) => () => askPeer(kind, batch, { model, layers, steps: settings.steps });
  const contestants = {
    ours: () => askOurs(batch, { way: 'direct', layers, steps: settings.steps }),
    peft: peer('peft'),
    twin: peer('twin'),
    // Its sub-batches warm each other up, and a step takes minutes.
    cached: () => askOurs(large, { way: 'cached', layers, steps: 1, warmUp: 0 }),
  };
  /** @type {Map<string, Measured[]>} */
  const measured = new Map();
  for (let round = 0; round < rounds; round++) {
    for (const [name, measure] of Object.entries(contestants)) {
      const result = await measure();
      if (result) measured.set(name, [...(measured.get(name) ?? []), result]);
    }
  }
  if (!measured.has('peft')) {
    report.note(
      'PyTorch and PEFT are not installed: our figures stand alone. To install: node bench/peers.mjs install',
    );
  }
  report.note(
    `${tokensOf(batch).toLocaleString('en-US')} tokens (${settings.batch} + ${settings.batch} sequences), ${layers} layers, rank 32, ` +
      `${OUR_THREADS} threads each; medians of ${rounds} rounds of ${settings.steps} steps`,
  );
  checkLosses(measured);

  const seconds = (/** @type {string} */ name) => {
    const all = measured.get(name)?.flatMap((result) => result.seconds);
    return all === undefined ? null : median(all);
  };
  const rate = (/** @type {string} */ name) => {
    const time = seconds(name);
    return time === null ? null : tokensOf(batch) / time;
  };
  const gibibytes = (/** @type {string} */ name) => {
    const all = measured.get(name)?.map(({ bytes }) => bytes / GIB);
    return all === undefined ? null : median(all);
  };
  const peers = /** @type {const} */ ([
    ['peft', PEFT, '>= 1.6'],
    ['twin', TWIN, '>= 1.2'],
  ]);
  for (const [name, peerName, target] of peers) {
    report.row({ what: 'joint step', unit: 'tokens/s', ours: rate('ours'), peer: rate(name), peerName, target });
  }
  for (const [name, peerName] of peers) {
    const [ours, theirs] = [gibibytes('ours'), gibibytes(name)];
    report.row({ what: 'peak memory of the step', unit: 'GiB', ours, peer: theirs, peerName, target: '>= 1' });
  }
  const [direct, cached] = [seconds('ours'), seconds('cached')];
  if (direct !== null && cached !== null) {
    const slower = cached / settings.cachedBatch / (direct / settings.batch);
    const what = `time an example, cached batch of ${settings.cachedBatch} to direct one of ${settings.batch}`;
    report.row({ what, unit: 'times', ours: slower, target: '<= 1.55' });
    report.note(`cached: peak memory ${gibibytes('cached')?.toFixed(2)} GiB`);
  }
  await profile(report, batch, layers);
}

/**
 * Where a step's time goes, from one more step with the runtime's profiler on.
 * @param {import('../lib/report.mjs').Report} report
 * @param {TokenBatch} batch
 * @param {number} layers
 */
async function profile(report, batch, layers) {
  const folder = await mkdtemp(path.join(tmpdir(), 'o1-profile-'));
  try {
    await askOurs(batch, { way: 'direct', layers, steps: 1, profile: path.join(folder, 'session') });
    const { seconds, shares, productShare, products, productRate } = readProfile(folder);
    const peak = await productPeak(OUR_THREADS);
    const percent = (/** @type {number} */ share) => `${(100 * share).toFixed(1)} %`;
    const giga = (/** @type {number} */ operations) => `${(operations / 1e9).toFixed(0)} GFLOP/s`;
    report.note(
      `operators: ${shares
        .slice(0, 10)
        .map(([name, share]) => `${name} ${percent(share)}`)
        .join(', ')}`,
    );
    report.note(
      `matrix products: ${percent(productShare)} of the time at ${giga(productRate)}, ${percent(productRate / peak)} of the ` +
        `${giga(peak)} of a large product; the whole step ${giga(products / seconds)}, ${percent(products / seconds / peak)}`,
    );
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** @param {Map<string, Measured[]>} measured */
function checkLosses(measured) {
  const [ours, ...others] = ['ours', 'peft', 'twin'].flatMap((name) => measured.get(name)?.[0]?.loss ?? []);
  const wrong = others.find((loss) => Math.abs(loss - (ours ?? Number.NaN)) > LOSS_TOLERANCE);
  if (wrong !== undefined)
    throw new Error(`the contestants do not do the same work: first losses ${ours} and ${wrong}`);
}

/**
 * Our step, in a process of its own.
 * @param {TokenBatch} batch
 * @param {{ way: 'direct' | 'cached', layers: number, steps: number, warmUp?: number, profile?: string }} options
 */
async function askOurs(batch, { way, layers, steps, warmUp = 1, profile }) {
  const script = fileURLToPath(new URL('../lib/train-step-worker.mjs', import.meta.url));
  const worker = new Worker(process.execPath, [script]);
  const { folder: adapter } = await openAdapter();
  await worker.call('load', { ...batch, adapter, layers, threads: OUR_THREADS, ...(profile && { profile }) });
  const measured = await take(worker, { way }, steps, warmUp);
  await worker.call('close');
  await worker.close();
  return measured;
}

/**
 * A peer's step, in a process of its own; undefined when it is not installed.
 * @param {string} kind
 * @param {TokenBatch} batch
 * @param {{ model: string, layers: number, steps: number }} options
 */
async function askPeer(kind, batch, { model, layers, steps }) {
  const worker = startTrainingPeer();
  if (!worker) return undefined;
  const { folder: adapter } = await openAdapter();
  await worker.call('batch', batch);
  await worker.call('load', { kind, model, adapter, layers, threads: OUR_THREADS });
  const measured = await take(worker, {}, steps, 1);
  await worker.close();
  return measured;
}

/**
 * @param {Worker} worker
 * @param {Record<string, unknown>} params of a step
 * @param {number} steps
 * @param {number} warmUp
 * @returns {Promise<Measured>}
 */
async function take(worker, params, steps, warmUp) {
  const answers = [];
  for (let step = 0; step < warmUp + steps; step++) answers.push(await worker.call('step', params));
  const { bytes } = await worker.call('memory');
  return { seconds: answers.slice(warmUp).map((answer) => answer.seconds), loss: answers[0].loss, bytes };
}
