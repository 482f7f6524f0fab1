import { InvalidInputError } from '../errors.js';

export interface Schedule {
  /** The highest learning rate. */
  readonly learningRate: number;
  /** Steps of the whole run. */
  readonly steps: number;
  /** Share of the steps in which the rate rises linearly. Default 0.1. */
  readonly warmUp?: number;
}

/**
 * The learning rate of a step (from 0): linear warm-up, then half a cosine that would reach 0 one step after the last.
 */
export function learningRateAt(step: number, schedule: Schedule): number {
  const { learningRate, steps, warmUp = 0.1 } = schedule;
  if (!(step >= 0 && step < steps)) throw new InvalidInputError(`step ${step} is outside a run of ${steps} steps`);
  const rising = Math.max(1, Math.round(warmUp * steps));
  if (step < rising) return (learningRate * (step + 1)) / rising;
  return (learningRate * (1 + Math.cos((Math.PI * (step - rising)) / (steps - rising)))) / 2;
}
