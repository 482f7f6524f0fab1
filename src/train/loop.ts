import { join } from 'node:path';
import { crashPoint } from '../crash-point.js';
import type { O1Settings } from '../embedder/index.js';
import { O1Error, throwIfAborted } from '../errors.js';
import { mean } from '../metrics/index.js';
import { writeAtomically } from '../write-atomically.js';
import { adamWStep } from './adamw.js';
import { type CheckpointHeader, type TrainingProgress, type TrainingState, writeCheckpoint } from './checkpoint.js';
import { clipGlobalNorm } from './clip.js';
import type { Recipe } from './config.js';
import { withLoraDropout } from './lora-dropout.js';
import type { ThoughtCrossEntropy } from './losses/thought-cross-entropy.js';
import type { MetricsLog, StepRecord } from './metrics-log.js';
import type { ParameterSet } from './parameters.js';
import { type BaseModel, saveAdapterWeights } from './save-adapter.js';
import { learningRateAt } from './schedule.js';
import { type StepBatch, tokensOf } from './set-batches.js';
import type { StageBatches } from './stage-batches.js';
import type { TrainEvent } from './train-event.js';
import type { TrainingData } from './training-data.js';
import type { TrainingModel } from './training-model.js';
import { lossAndGradient, type StepOutcome } from './training-step.js';
import { type ValidationSet, validateInstant } from './validation.js';

/** Files of a run under way, in its output folder. */
export const runFiles = (output: string) => ({
  state: join(output, 'state'),
  checkpoint: join(output, 'state', 'checkpoint.safetensors'),
  best: join(output, 'state', 'best.safetensors'),
  failedBatch: join(output, 'state', 'failed-batch.json'),
  metrics: join(output, 'metrics.jsonl'),
});

/** All that a stage works with. */
export interface TrainingRun {
  readonly recipe: Recipe;
  readonly data: TrainingData;
  readonly base: BaseModel;
  /** `o1.json` without its self-test. */
  readonly settings: Omit<O1Settings, 'selfTest'>;
  readonly threads: number;
  readonly output: string;
  readonly model: TrainingModel;
  readonly crossEntropy: ThoughtCrossEntropy;
  readonly state: TrainingState;
  readonly gradients: ParameterSet;
  /** Replaced as a whole at every change, so that a checkpoint never sees half of one. */
  progress: TrainingProgress;
  readonly header: Omit<CheckpointHeader, 'progress'>;
  readonly metrics: MetricsLog;
  readonly validation: readonly ValidationSet[];
  totals: { readonly steps: number; readonly tokens: number };
  readonly signal: AbortSignal | undefined;
  readonly emit: (event: TrainEvent) => void;
}

/**
 * Runs the rest of a stage: steps, validations, checkpoints. Between two steps nothing exists that a checkpoint does not
 * hold; when the signal is aborted, a checkpoint of the last whole step is written.
 */
export async function runStage(run: TrainingRun, batches: StageBatches): Promise<void> {
  const { recipe, emit } = run;
  const index = run.progress.stage;
  const stage = recipe.stages[index]!;
  emit({ type: 'stage', index, name: stage.name, steps: batches.steps });
  try {
    for (;;) {
      const { step } = run.progress;
      const end = step === batches.steps;
      const every = recipe.validation?.every;
      if (end || (every !== undefined && step > 0 && step % every === 0)) await validate(run);
      if (end) break;
      if (step > 0 && step % recipe.checkpointEvery === 0) await checkpoint(run);
      throwIfAborted(run.signal);
      await takeStep(run, batches);
      crashPoint('train-step');
    }
  } catch (error) {
    if (run.signal?.aborted) await checkpoint(run);
    throw error;
  }
  // The next stage is a training of its own: its schedule and its moments begin anew.
  const { optimiser } = run.state;
  optimiser.firstMoment.fill(0);
  optimiser.secondMoment.fill(0);
  optimiser.step = 0;
  const { best, ...progress } = run.progress;
  const last = index + 1 === recipe.stages.length;
  // An earlier stage's best may not have learnt to think yet: only the last stage's is kept.
  run.progress = { ...progress, ...(last && best ? { best } : {}), stage: index + 1, step: 0 };
  await checkpoint(run);
}

export async function checkpoint(run: TrainingRun): Promise<void> {
  crashPoint('train-checkpoint');
  await writeCheckpoint(runFiles(run.output).checkpoint, { ...run.header, progress: run.progress }, run.state);
  crashPoint('train-checkpoint-written');
}

async function takeStep(run: TrainingRun, batches: StageBatches): Promise<void> {
  const { recipe, state, gradients, signal, progress } = run;
  const stage = recipe.stages[progress.stage]!;
  const start = performance.now();
  const batch = batches.at(progress.step);
  const outcome = await withLoraDropout(
    state.parameters,
    gradients,
    { share: recipe.lora.dropout, key: [recipe.seed, progress.stage, progress.step] },
    () => lossAndGradient(run.model, run.crossEntropy, batch, gradients, { recipe, stage, signal }),
  );
  const gradientNorm = clipGlobalNorm(gradients.data, recipe.optimiser.clip);
  await stopIfBroken(run, batch, outcome, gradientNorm);
  const { learningRate: highest, warmUp } = stage;
  const learningRate = learningRateAt(progress.step, { learningRate: highest, steps: batches.steps, warmUp });
  adamWStep(state.parameters.data, gradients.data, state.optimiser, learningRate, recipe.optimiser);
  const tokens = tokensOf(batch);
  run.progress = {
    ...progress,
    step: progress.step + 1,
    totalSteps: progress.totalSteps + 1,
    tokens: progress.tokens + tokens,
  };
  const thinking = batch.queries.some((query) => query.tokens.length > query.instantAt + 1);
  const record: StepRecord = {
    type: 'step',
    step: run.progress.totalSteps,
    stage: stage.name,
    set: batch.set,
    loss: outcome.total,
    instant: outcome.joint.instant,
    ...(thinking ? { thought: outcome.joint.thought } : {}),
    ...(batch.queries.some(({ cloned }) => cloned) ? { generation: outcome.joint.generation } : {}),
    ...(recipe.loss.distillation ? { distillation: outcome.joint.distillation } : {}),
    ...(outcome.corpus === undefined ? {} : { corpus: outcome.corpus }),
    gradientNorm,
    learningRate,
    tokens,
    seconds: (performance.now() - start) / 1000,
  };
  await run.metrics.append(record);
  const { steps: totalSteps, tokens: totalTokens } = run.totals;
  run.emit({ type: 'step', record, totalSteps, tokens: run.progress.tokens, totalTokens });
}

/** A loss or gradient that is no number, or far too large, would spoil the weights: the batch is kept for inspection. */
async function stopIfBroken(run: TrainingRun, batch: StepBatch, outcome: StepOutcome, norm: number): Promise<void> {
  const { explodingNorm } = run.recipe.optimiser;
  const finite = Number.isFinite(outcome.total) && Number.isFinite(norm);
  if (finite && norm <= explodingNorm) return;
  const where = runFiles(run.output).failedBatch;
  const { progress } = run;
  // JSON has no word for NaN.
  const figures = { loss: String(outcome.total), gradientNorm: String(norm), parts: outcome.joint };
  await writeAtomically(where, `${JSON.stringify({ progress, ...figures, ...batch }, undefined, 1)}\n`);
  await checkpoint(run);
  const what = finite
    ? `the gradient's norm is ${norm}, more than optimiser.explodingNorm ${explodingNorm}`
    : `the loss is ${outcome.total}, the gradient's norm ${norm}`;
  throw new O1Error(`step ${progress.totalSteps + 1} stopped the run: ${what}; the batch is kept here`, {
    where,
    hint: 'A lower learning rate or a longer warm-up often helps; the weights before this step are in the checkpoint.',
  });
}

async function validate(run: TrainingRun): Promise<void> {
  const { validation, progress, recipe, model, signal } = run;
  if (validation.length === 0 || progress.validated?.totalSteps === progress.totalSteps) return;
  const start = performance.now();
  const { maxTokens } = recipe;
  const figures = new Map<string, number>();
  for (const set of validation) figures.set(set.name, await validateInstant(model, set, { maxTokens, signal }));
  const instantNdcg10 = mean(figures);
  const better = progress.best === undefined || instantNdcg10 > progress.best.ndcg10;
  if (better) await saveAdapterWeights(runFiles(run.output).best, run.state.parameters);
  const validated = { ndcg10: instantNdcg10, totalSteps: progress.totalSteps };
  run.progress = { ...progress, validated, ...(better ? { best: validated } : {}) };
  const seconds = (performance.now() - start) / 1000;
  const stage = recipe.stages[progress.stage]!.name;
  const record = {
    type: 'validation' as const,
    step: progress.totalSteps,
    stage,
    instantNdcg10,
    sets: Object.fromEntries(figures),
    seconds,
  };
  await run.metrics.append(record);
  run.emit({ type: 'validation', record, best: better });
}
