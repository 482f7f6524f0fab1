import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type DecoderConfig, uniform } from '../decoder/index.js';
import { randomWeights, TINY_CONFIG } from '../testing/tiny-decoder.js';
import type { JointBatch } from './joint-batch.js';
import { cachedJointStep, directJointStep, type JointStepOptions, jointStep } from './joint-step.js';
import { initialParameters, loraShapes, TOKEN_ROWS } from './lora.js';
import { ThoughtCrossEntropy } from './losses/thought-cross-entropy.js';
import type { ParameterSet } from './parameters.js';
import { TrainingModel } from './training-model.js';

const [QUERY, DOCUMENT, THOUGHT, EMBEDDING, END] = [260, 261, 262, 263, 264];
const MARKS = [QUERY, DOCUMENT, THOUGHT, EMBEDDING];
const RANK = 4;

const words = (seed: number, length: number) => Array.from({ length }, (_, i) => Math.floor(256 * uniform(seed, i)));
const query = (seed: number, length: number, thought: number, cloned = true) => ({
  tokens:
    thought === 0
      ? [QUERY, ...words(seed, length), EMBEDDING]
      : [QUERY, ...words(seed, length), EMBEDDING, THOUGHT, ...words(seed + 1, thought), END, EMBEDDING],
  instantAt: length + 1,
  cloned,
});

/** A query without a thought, one whose thought is not cloned, and a document that answers two queries. */
const BATCH: JointBatch = {
  queries: [query(10, 3, 6), query(20, 5, 0), query(30, 2, 4, false)],
  documents: [7, 3, 9, 4].map((length, i) => ({ tokens: [DOCUMENT, ...words(40 + i, length), EMBEDDING] })),
  positives: [0, 2, 1],
  excluded: (i, j) => i === 0 && j === 3,
};
// High enough that no document has all the weight: a saturated loss has no gradient to compare.
const SETTINGS = { temperature: 0.5 };

/** A tiny model in the middle of training: B is no longer zero. */
async function setUp(config: DecoderConfig) {
  const weights = randomWeights(config, 1);
  const rows = words(50, 4).map((seed) => Float32Array.from({ length: config.hiddenSize }, (_, i) => uniform(seed, i)));
  const parameters = initialParameters(loraShapes(config, RANK, MARKS.length), rows, 2);
  for (const { name } of parameters.shapes) {
    if (!name.endsWith('lora_B.weight')) continue;
    const b = parameters.view(name);
    for (let i = 0; i < b.length; i++) b[i] = 0.2 * (2 * uniform(3, i) - 1);
  }
  const options = { rank: RANK, scale: 2, maxPositions: 64, markTokens: MARKS };
  const model = await TrainingModel.create(weights, parameters, options);
  const crossEntropy = await ThoughtCrossEntropy.create(model.embedding, config.hiddenSize, MARKS);
  const step = async (maxTokens = 64, batch = BATCH, settings: JointStepOptions = SETTINGS) => {
    const gradients = parameters.zeros();
    const loss = await cachedJointStep(model, crossEntropy, batch, gradients, { ...settings, maxTokens });
    return { loss, gradients };
  };
  const direct = async (batch = BATCH, settings: JointStepOptions = SETTINGS) => {
    const gradients = parameters.zeros();
    return { loss: await directJointStep(model, crossEntropy, batch, gradients, settings), gradients };
  };
  const automatic = async (maxTokens: number) => {
    const gradients = parameters.zeros();
    return { loss: await jointStep(model, crossEntropy, BATCH, gradients, { ...SETTINGS, maxTokens }), gradients };
  };
  return { parameters, step, direct, automatic, close: () => Promise.all([model.close(), crossEntropy.close()]) };
}

const FAMILIES: readonly (readonly [string, Partial<DecoderConfig>])[] = [
  ['llama', {}],
  ['qwen2, with biases', { attentionBias: true }],
  ['qwen3, with norms of queries and keys', { queryKeyNorm: true }],
];

describe.each(FAMILIES)('the joint step of a tiny %s', (_, changes) => {
  let tiny: Awaited<ReturnType<typeof setUp>>;
  beforeAll(async () => {
    tiny = await setUp({ ...TINY_CONFIG, ...changes });
  });
  afterAll(() => tiny?.close());

  /** Slope of the total loss along a direction, by finite differences. */
  async function slope(parameters: ParameterSet, direction: Float32Array, step: number): Promise<number> {
    const start = parameters.data.slice();
    const at = async (offset: number) => {
      for (let i = 0; i < start.length; i++) parameters.data[i] = start[i]! + offset * direction[i]!;
      return (await tiny.step()).loss.total;
    };
    const difference = (await at(step)) - (await at(-step));
    parameters.data.set(start);
    return difference / (2 * step);
  }

  test('the gradient of every tensor has the slope of the loss', async () => {
    const { parameters, step } = tiny;
    const { gradients } = await step();
    for (const { name } of parameters.shapes) {
      // Along the tensor's own gradient the slope is its norm; a wrong tensor, sign or scale shows.
      const own = parameters.zeros();
      own.view(name).set(gradients.view(name));
      const norm = Math.hypot(...own.data);
      expect(norm, name).toBeGreaterThan(1e-4);
      const direction = own.data.map((value) => value / norm);
      const measured = await slope(parameters, direction, 0.01);
      expect(Math.abs(measured - norm), `${name}: ${measured}, ${norm}`).toBeLessThan(1e-3 + 0.02 * norm);
    }
  });

  test('how the batch is cut into sub-batches does not change loss and gradient', async () => {
    const whole = await tiny.step(1000);
    const single = await tiny.step(1);
    expect(Math.abs(whole.loss.total - single.loss.total)).toBeLessThan(1e-5);
    for (const { name } of tiny.parameters.shapes) {
      const [a, b] = [whole.gradients.view(name), single.gradients.view(name)];
      const distance = Math.hypot(...a.map((value, i) => value - b[i]!));
      expect(distance, name).toBeLessThan(1e-4 * Math.hypot(...a));
    }
  });

  test('in one run, with the loss inside the graph, loss and gradient are the same', async () => {
    const [direct, cached] = [await tiny.direct(), await tiny.step()];
    for (const part of ['total', 'instant', 'thought', 'generation'] as const) {
      expect(Math.abs(direct.loss[part] - cached.loss[part]), part).toBeLessThan(1e-5);
    }
    for (const { name } of tiny.parameters.shapes) {
      const [a, b] = [direct.gradients.view(name), cached.gradients.view(name)];
      const distance = Math.hypot(...a.map((value, i) => value - b[i]!));
      expect(distance, name).toBeLessThan(1e-4 * Math.hypot(...a));
    }
  });

  test("with the committee's scores to learn, both ways agree too, and differ from those without", async () => {
    const committee = [
      { candidates: [0, 1, 3], scores: [0.8, 0.5, 0.7] },
      undefined,
      { candidates: [1, 2], scores: [0.3, 0.6] },
    ];
    const batch = { ...BATCH, committee };
    const settings = { ...SETTINGS, distillation: { weight: 2, teacherTemperature: 0.2 } };
    const [direct, cached] = [await tiny.direct(batch, settings), await tiny.step(64, batch, settings)];
    expect(direct.loss.distillation).toBeGreaterThan(0.01);
    for (const part of ['total', 'instant', 'thought', 'distillation', 'generation'] as const) {
      expect(Math.abs(direct.loss[part] - cached.loss[part]), part).toBeLessThan(1e-5);
    }
    const [a, b] = [direct.gradients.data, cached.gradients.data];
    expect(Math.hypot(...a.map((value, i) => value - b[i]!))).toBeLessThan(1e-4 * Math.hypot(...a));
    const plain = (await tiny.direct()).gradients.data;
    expect(Math.hypot(...a.map((value, i) => value - plain[i]!))).toBeGreaterThan(0.01 * Math.hypot(...a));
  });

  test('a batch goes in one run where it fits, else in parts', async () => {
    const [direct, cached] = [await tiny.direct(), await tiny.step(64)];
    expect((await tiny.automatic(1000)).gradients.data).toEqual(direct.gradients.data);
    expect((await tiny.automatic(64)).gradients.data).toEqual(cached.gradients.data);
  });

  test('a batch without thoughts has a loss in the direct way too', async () => {
    const queries = BATCH.queries.map(({ tokens, instantAt }) => ({
      tokens: tokens.slice(0, instantAt + 1),
      instantAt,
      cloned: true,
    }));
    const { loss } = await tiny.direct({ ...BATCH, queries });
    expect(loss.total).toBeCloseTo(0.8 * loss.instant, 6);
  });

  test('twice the same, to the last bit', async () => {
    const [first, second] = [await tiny.step(), await tiny.step()];
    expect(second.loss).toEqual(first.loss);
    expect(second.gradients.data).toEqual(first.gradients.data);
  });
});

test('parameters before the first step: B zero, A within its bound, the token rows apart', () => {
  const shapes = loraShapes(TINY_CONFIG, RANK, MARKS.length);
  const rows = [new Float32Array(32).fill(1), new Float32Array(32).fill(3)];
  const parameters = initialParameters(shapes, rows, 7);
  expect(initialParameters(shapes, rows, 7).data).toEqual(parameters.data);
  expect(initialParameters(shapes, rows, 8).data).not.toEqual(parameters.data);
  const path = 'base_model.model.model.layers.1.mlp.down_proj';
  expect(parameters.view(`${path}.lora_B.weight`).every((value) => value === 0)).toBe(true);
  const a = parameters.view(`${path}.lora_A.weight`);
  const bound = 1 / Math.sqrt(64);
  expect(Math.max(...a)).toBeLessThan(bound);
  expect(Math.max(...a)).toBeGreaterThan(0.9 * bound);
  const marks = parameters.view(TOKEN_ROWS);
  const mean = marks.reduce((sum, value) => sum + value, 0) / marks.length;
  expect(mean).toBeCloseTo(2, 1);
  const deviation = Math.sqrt(marks.reduce((sum, value) => sum + (value - mean) ** 2, 0) / marks.length);
  expect(deviation).toBeGreaterThan(0.015);
  expect(deviation).toBeLessThan(0.025);
});
