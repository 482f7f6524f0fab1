import { type StepBatch, tokensOf } from './set-batches.js';
import type { StageBatches } from './stage-batches.js';
import type { StepOutcome } from './training-step.js';

/** How long a run will take on this machine. */
export interface Estimate {
  /** Tokens that all steps read. */
  readonly tokens: number;
  readonly steps: number;
  /** Measured on one step. */
  readonly tokensPerSecond: number;
  readonly seconds: number;
}

/** Work beside the steps, in tokens. */
export interface SideWork {
  /** Read once, forward only, in all validations. */
  readonly validationTokens: number;
  /** Written by the model, one after the other. */
  readonly writtenTokens: number;
}

/** A step reads each token forward and backward, which costs about as much as three forward passes. */
const FORWARD_SHARE = 1 / 3;

/** Writing a token (int8, 32 side by side) against training on one: 83 and 110 tokens/s in one run of SmolLM2-135M. */
const WRITING_SHARE = 1.3;

/** Tokens that the batches of all stages read, those of the first stage from a step on. */
export function plannedTokens(stages: readonly StageBatches[], firstStep = 0): number {
  let tokens = 0;
  for (const [index, batches] of stages.entries()) {
    for (let step = index === 0 ? firstStep : 0; step < batches.steps; step++) tokens += tokensOf(batches.at(step));
  }
  return tokens;
}

/**
 * Takes the first step twice, without its consequences, and reckons from the second time: the first fills the memory and
 * takes up to twice as long.
 */
export async function estimateRun(
  stages: readonly StageBatches[],
  tokens: number,
  sideWork: SideWork,
  tryStep: (batch: StepBatch) => Promise<StepOutcome>,
): Promise<Estimate> {
  const batch = stages[0]!.at(0);
  await tryStep(batch);
  const start = performance.now();
  await tryStep(batch);
  const tokensPerSecond = (tokensOf(batch) * 1000) / (performance.now() - start);
  const { validationTokens, writtenTokens } = sideWork;
  const work = tokens + FORWARD_SHARE * validationTokens + WRITING_SHARE * writtenTokens;
  return {
    tokens,
    steps: stages.reduce((sum, { steps }) => sum + steps, 0),
    tokensPerSecond,
    seconds: work / tokensPerSecond,
  };
}
