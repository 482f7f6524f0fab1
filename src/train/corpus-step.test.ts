import { afterAll, beforeAll, expect, test } from 'vitest';
import { uniform } from '../decoder/index.js';
import { randomWeights, TINY_CONFIG } from '../testing/tiny-decoder.js';
import { corpusStep } from './corpus-step.js';
import { initialParameters, loraShapes } from './lora.js';
import { ThoughtCrossEntropy } from './losses/thought-cross-entropy.js';
import type { ParameterSet } from './parameters.js';
import { TrainingModel } from './training-model.js';

const MARKS = [257, 258, 259, 260];
const words = (seed: number, length: number) => Array.from({ length }, (_, i) => Math.floor(256 * uniform(seed, i)));
/** The last one is empty: nothing in it can be predicted. */
const DOCUMENTS = [7, 3, 5, 0].map((length, i) => [258, ...words(i, length), 260]);

let model: TrainingModel;
let crossEntropy: ThoughtCrossEntropy;
let parameters: ParameterSet;

beforeAll(async () => {
  const shapes = loraShapes(TINY_CONFIG, 4, MARKS.length);
  parameters = initialParameters(shapes, [Float32Array.from(words(9, 32), (word) => word / 256)], 2);
  // In the middle of training: B is no longer zero.
  for (const { name } of shapes) {
    if (!name.endsWith('lora_B.weight')) continue;
    const b = parameters.view(name);
    for (let i = 0; i < b.length; i++) b[i] = 0.2 * (2 * uniform(3, i) - 1);
  }
  const options = { rank: 4, scale: 2, maxPositions: 64, markTokens: MARKS };
  model = await TrainingModel.create(randomWeights(TINY_CONFIG, 1), parameters, options);
  crossEntropy = await ThoughtCrossEntropy.create(model.embedding, TINY_CONFIG.hiddenSize, MARKS);
});
afterAll(() => Promise.all([model?.close(), crossEntropy?.close()]));

const step = async (options: { weight?: number; maxTokens?: number } = {}) => {
  const gradients = parameters.zeros();
  const loss = await corpusStep(model, crossEntropy, DOCUMENTS, gradients, { weight: 1, maxTokens: 64, ...options });
  return { loss, gradients };
};

test('the gradient has the slope of the loss', async () => {
  const { gradients } = await step();
  const start = parameters.data.slice();
  for (const { name } of parameters.shapes) {
    const own = parameters.zeros();
    own.view(name).set(gradients.view(name));
    const norm = Math.hypot(...own.data);
    const at = async (offset: number) => {
      for (let i = 0; i < start.length; i++) parameters.data[i] = start[i]! + (offset * own.data[i]!) / norm;
      return (await step()).loss;
    };
    const slope = ((await at(0.01)) - (await at(-0.01))) / 0.02;
    parameters.data.set(start);
    expect(Math.abs(slope - norm), `${name}: ${slope}, ${norm}`).toBeLessThan(2e-3 + 0.02 * norm);
  }
});

test('the weight scales the gradient, the cutting into sub-batches changes nothing', async () => {
  const [whole, half, single] = [await step(), await step({ weight: 0.5 }), await step({ maxTokens: 1 })];
  expect(half.loss).toBe(whole.loss);
  expect(Math.abs(single.loss - whole.loss)).toBeLessThan(1e-5);
  const norm = Math.hypot(...whole.gradients.data);
  const distance = (other: ParameterSet, scale: number) =>
    Math.hypot(...whole.gradients.data.map((value, i) => value - scale * other.data[i]!));
  expect(distance(half.gradients, 2)).toBeLessThan(1e-6 * norm);
  expect(distance(single.gradients, 1)).toBeLessThan(1e-4 * norm);
});
