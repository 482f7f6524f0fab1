/** Our training step as a worker (see `worker.mjs`): in a process of its own, so that its peak memory is its own. */
import { createInterface } from 'node:readline';
import { openCheckpoint, openSafetensors } from '../../dist/decoder/index.js';
import {
  adamWState,
  adamWStep,
  cachedJointStep,
  clipGlobalNorm,
  directJointStep,
  loraShapes,
  ParameterSet,
  ThoughtCrossEntropy,
  TrainingModel,
} from '../../dist/train/index.js';
import { peakMemory } from './memory.mjs';
import { modelFiles } from './model.mjs';

/** Rank and scale (alpha / rank) of the adapter that is trained further. */
const RANK = 32;
const SCALE = 2;

/** @type {Awaited<ReturnType<typeof open>>} */
let opened;
/** @type {import('../../dist/train/index.js').JointBatch} */
let batch;

/** @param {{ adapter: string, layers: number, threads: number, profile?: string, marks: number[] }} options */
async function open({ adapter, layers, threads, profile, marks }) {
  const checkpoint = await openCheckpoint(await modelFiles());
  const config = { ...checkpoint.config, layers };
  const parameters = new ParameterSet(loraShapes(config, RANK, marks.length));
  const trained = await openSafetensors(`${adapter}/adapter_model.safetensors`);
  for (const { name } of parameters.shapes) parameters.view(name).set(await trained.read(name));
  await trained.close();
  const weights = { config, read: (/** @type {string} */ name) => checkpoint.read(name) };
  const session = { threads, ...(profile === undefined ? {} : { profile }) };
  const model = await TrainingModel.create(weights, parameters, {
    rank: RANK,
    scale: SCALE,
    maxPositions: 512,
    markTokens: marks,
    session,
  });
  const crossEntropy = await ThoughtCrossEntropy.create(model.embedding, config.hiddenSize, marks, { threads });
  await checkpoint.close();
  const state = adamWState(parameters.data.length);
  return { model, crossEntropy, parameters, gradients: parameters.zeros(), state };
}

/** @type {Record<string, (params: any) => Promise<unknown>>} */
const methods = {
  /** @param {import('./joint-batches.mjs').TokenBatch & Parameters<typeof open>[0]} params */
  async load({ queries, instantAt, documents, ...options }) {
    batch = {
      queries: queries.map((tokens, i) => ({ tokens, instantAt: instantAt[i] ?? 0, cloned: true })),
      documents: documents.map((tokens) => ({ tokens })),
      positives: queries.map((_, i) => i),
    };
    opened = await open(options);
    return `${opened.parameters.data.length.toLocaleString('en-US')} numbers trained`;
  },

  /** Loss, gradient, clipping, optimiser. */
  async step({ way, maxTokens }) {
    const { model, crossEntropy, parameters, gradients, state } = opened;
    const start = performance.now();
    gradients.data.fill(0);
    const take = way === 'direct' ? directJointStep : cachedJointStep;
    const { total } = await take(model, crossEntropy, batch, gradients, maxTokens === undefined ? {} : { maxTokens });
    clipGlobalNorm(gradients.data, 1);
    adamWStep(parameters.data, gradients.data, state, 1e-5);
    return { seconds: (performance.now() - start) / 1000, loss: total };
  },

  async memory() {
    return { bytes: peakMemory() };
  },

  /** Ends the sessions, upon which their profiles are written. */
  async close() {
    await Promise.all([opened.model.close(), opened.crossEntropy.close()]);
  },
};

for await (const line of createInterface({ input: process.stdin })) {
  const { method, params } = JSON.parse(line);
  /** @type {{ result?: unknown, error?: string }} */
  let answer;
  try {
    answer = { result: (await methods[method]?.(params)) ?? null };
  } catch (error) {
    answer = { error: String(error) };
  }
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
