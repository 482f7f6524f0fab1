import { expect, test } from 'vitest';
import { withLoraDropout } from './lora-dropout.js';
import { ParameterSet } from './parameters.js';

const A = 'layer.lora_A.weight';
const B = 'layer.lora_B.weight';
const SHAPES = [
  { name: A, shape: [2, 400] },
  { name: B, shape: [3, 2] },
];

function setUp() {
  const parameters = new ParameterSet(SHAPES);
  parameters.data.fill(1);
  return { parameters, gradients: parameters.zeros() };
}

/** What a step sees of the parameters. */
async function seen(share: number, key: readonly number[]) {
  const { parameters, gradients } = setUp();
  return withLoraDropout(parameters, gradients, { share, key }, async () => ({
    a: parameters.view(A).slice(),
    b: parameters.view(B).slice(),
  }));
}

test('a step sees A without some columns, the others scaled up, and B as it is', async () => {
  const { a, b } = await seen(0.25, [1, 2]);
  expect(new Set(a)).toEqual(new Set([0, Math.fround(4 / 3)]));
  expect(a.subarray(0, 400)).toEqual(a.subarray(400));
  const left = a.subarray(0, 400).filter((value) => value === 0).length;
  expect(left).toBeGreaterThan(70);
  expect(left).toBeLessThan(130);
  expect(new Set(b)).toEqual(new Set([1]));
  expect((await seen(0.25, [1, 2])).a).toEqual(a);
  expect((await seen(0.25, [1, 3])).a).not.toEqual(a);
  expect(new Set((await seen(0, [1, 2])).a)).toEqual(new Set([1]));
});

test('the gradient is that of the parameters themselves, which are as they were afterwards', async () => {
  const { parameters, gradients } = setUp();
  // The loss is the sum of squares of what the step sees.
  const mask = await withLoraDropout(parameters, gradients, { share: 0.5, key: [7] }, async () => {
    gradients.data.set(parameters.data.map((value) => 2 * value));
    return parameters.view(A).slice();
  });
  expect(parameters.data.every((value) => value === 1)).toBe(true);
  // d/da (a m)^2 = 2 a m^2
  expect(gradients.view(A)).toEqual(mask.map((value) => 2 * value * value));
  expect(new Set(gradients.view(B))).toEqual(new Set([2]));
});

test('a step that fails leaves the parameters as they were', async () => {
  const { parameters, gradients } = setUp();
  const failing = withLoraDropout(parameters, gradients, { share: 0.5, key: [7] }, () =>
    Promise.reject(new Error('stop')),
  );
  await expect(failing).rejects.toThrow('stop');
  expect(parameters.data.every((value) => value === 1)).toBe(true);
});
