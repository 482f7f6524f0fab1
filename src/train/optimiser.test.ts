import { describe, expect, test } from 'vitest';
import { adamWState, adamWStep } from './adamw.js';
import { clipGlobalNorm } from './clip.js';
import { learningRateAt } from './schedule.js';

const expectClose = (actual: Float32Array, expected: readonly number[]) => {
  expected.forEach((value, i) => {
    expect(actual[i]).toBeCloseTo(value, 6);
  });
};

describe('AdamW', () => {
  test('three steps agree with PyTorch', () => {
    const parameters = Float32Array.of(0.5, -1, 2, 0);
    const state = adamWState(4);
    const steps = [
      [0.1, -0.2, 3, 0],
      [-0.3, 0.05, 1e-4, 2],
      [0.2, 0.2, -5, 1e-6],
    ];
    for (const gradient of steps) {
      adamWStep(parameters, Float32Array.from(gradient), state, 0.1, { weightDecay: 0.01 });
    }
    expectClose(parameters, [0.44619220495224, -0.868772029876709, 1.8554270267486572, -0.13186128437519073]);
    expect(state.step).toBe(3);
  });

  test('moments carry over: from a copy of the state the next step is the same to the last bit', () => {
    const gradient = (step: number) => Float32Array.of(0.3 * step, -1 / step);
    const whole = Float32Array.of(1, 2);
    const state = adamWState(2);
    for (let step = 1; step <= 3; step++) adamWStep(whole, gradient(step), state, 0.01);
    const resumed = whole.slice();
    const copy = {
      step: state.step,
      firstMoment: state.firstMoment.slice(),
      secondMoment: state.secondMoment.slice(),
    };
    adamWStep(whole, gradient(4), state, 0.01);
    adamWStep(resumed, gradient(4), copy, 0.01);
    expect(resumed).toEqual(whole);
  });
});

describe('clipping by the global norm', () => {
  test('agrees with PyTorch', () => {
    const gradient = Float32Array.of(3, -4, 12, 0);
    expect(clipGlobalNorm(gradient, 1)).toBe(13);
    expectClose(gradient, [0.23076921701431274, -0.307692289352417, 0.923076868057251, 0]);
  });

  test('a norm below the limit is left alone', () => {
    const gradient = Float32Array.of(0.3, -0.4);
    expect(clipGlobalNorm(gradient, 1)).toBeCloseTo(0.5, 6);
    expect(gradient).toEqual(Float32Array.of(0.3, -0.4));
  });
});

describe('the learning rate', () => {
  const schedule = { learningRate: 4, steps: 20, warmUp: 0.2 };

  test('rises in equal steps, then falls along half a cosine', () => {
    const rates = Array.from({ length: 20 }, (_, step) => learningRateAt(step, schedule));
    expect(rates.slice(0, 5)).toEqual([1, 2, 3, 4, 4]);
    expect(rates[12]).toBeCloseTo(2, 12);
    expect(rates[19]).toBeCloseTo(2 * (1 + Math.cos((Math.PI * 15) / 16)), 12);
    expect(rates[19]).toBeGreaterThan(0);
  });

  test('a step outside the run is an error', () => {
    expect(() => learningRateAt(20, schedule)).toThrow('step 20 is outside a run of 20 steps');
  });
});
