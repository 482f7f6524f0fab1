import type { Recipe, Stage } from './config.js';
import { corpusStep } from './corpus-step.js';
import { jointStep } from './joint-step.js';
import type { JointLoss } from './losses/joint-loss.js';
import type { ThoughtCrossEntropy } from './losses/thought-cross-entropy.js';
import type { ParameterSet } from './parameters.js';
import type { StepBatch } from './set-batches.js';
import type { TrainingModel } from './training-model.js';

/** Loss parts of one step. */
export interface StepOutcome {
  readonly joint: JointLoss;
  /** Cross-entropy of the documents that were read; `undefined` without any. */
  readonly corpus: number | undefined;
  /** All parts, weighted. */
  readonly total: number;
}

/** Loss of one batch; its gradient replaces what stands in `gradients`. */
export async function lossAndGradient(
  model: TrainingModel,
  crossEntropy: ThoughtCrossEntropy,
  batch: StepBatch,
  gradients: ParameterSet,
  settings: { readonly recipe: Recipe; readonly stage: Stage; readonly signal?: AbortSignal | undefined },
): Promise<StepOutcome> {
  const { recipe, stage, signal } = settings;
  const { maxTokens, loss } = recipe;
  gradients.data.fill(0);
  const joint = await jointStep(model, crossEntropy, batch, gradients, {
    ...loss,
    maxTokens,
    ...(signal ? { signal } : {}),
  });
  if (!stage.corpus) return { joint, corpus: undefined, total: joint.total };
  const { weight } = stage.corpus;
  const corpus = await corpusStep(model, crossEntropy, batch.corpus, gradients, { weight, maxTokens, signal });
  return { joint, corpus, total: joint.total + weight * corpus };
}
