import type { Recipe, Stage } from './config.js';
import { type StepBatch, tokensOf } from './set-batches.js';
import type { StageBatches } from './stage-batches.js';
import { allExamples, type TrainingData } from './training-data.js';
import type { StepOutcome } from './training-step.js';
import type { ValidationSet } from './validation.js';

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
  /** Read once, forward only, in all validations and for the ways to think that are tried. */
  readonly validationTokens: number;
  /** Written by the model, one after the other: thoughts to train on, and those of the ways that are tried. */
  readonly writtenTokens: number;
}

/** A step reads each token forward and backward, which costs about as much as three forward passes. */
const FORWARD_SHARE = 1 / 3;

/** Writing a token (int8, 32 side by side) against training on one: 83 and 110 tokens/s in one run of SmolLM2-135M. */
const WRITING_SHARE = 1.3;

/** What a run does beside its steps. The model's own thoughts are taken to be as long as the expert's. */
export function sideWorkOf(
  { recipe, data, validation }: Readonly<{ recipe: Recipe; data: TrainingData; validation: readonly ValidationSet[] }>,
  stages: readonly Pick<StageBatches, 'steps'>[],
): SideWork {
  const every = recipe.validation?.every ?? Number.POSITIVE_INFINITY;
  // There is one at the end of a stage, however short.
  const validations = stages.reduce((sum, { steps }) => sum + Math.max(1, Math.ceil(steps / every)), 0);
  const length = (items: readonly { readonly tokens: readonly number[] }[]) =>
    items.reduce((sum, { tokens }) => sum + tokens.length, 0);
  const queryTokens = validation.reduce((sum, { queries }) => sum + length(queries), 0);
  const documentTokens = validation.reduce((sum, { documents }) => sum + length(documents), 0);
  const queries = validation.reduce((sum, set) => sum + set.queries.length, 0);
  const ways = queries === 0 ? [] : (recipe.validation?.thinking ?? []);

  const thoughtsOf = (stage?: Stage) =>
    allExamples(data, stage).reduce((sum, { thoughts }) => sum + (thoughts[0]?.length ?? recipe.lengths.thought), 0);
  const own = recipe.stages.reduce((sum, stage) => sum + (stage.ownThoughts?.perQuery ?? 0) * thoughtsOf(stage), 0);
  const thoughtTokens = thoughtsOf() / allExamples(data).length;
  const tried = ways.reduce(
    (sum, { thoughts, maxTokens = thoughtTokens }) => sum + queries * thoughts * Math.min(maxTokens, thoughtTokens),
    0,
  );
  return {
    // The ways are compared on documents that are embedded once more; each reads the queries, as do the instant vectors.
    validationTokens:
      validations * (queryTokens + documentTokens) +
      (ways.length > 0 ? documentTokens + (1 + ways.length) * queryTokens : 0),
    writtenTokens: own + tried,
  };
}

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
