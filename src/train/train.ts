import { mkdir, readdir } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { InvalidInputError } from '../errors.js';
import { acquireRunLock, lockFiles, type RunKind } from '../run-lock.js';
import { writeAtomically } from '../write-atomically.js';
import { adamWState } from './adamw.js';
import { restoreCheckpoint } from './checkpoint.js';
import { type Recipe, recipeText } from './config.js';
import { estimateRun, plannedTokens, sideWorkOf } from './estimate.js';
import { runFiles, runStage, type TrainingRun } from './loop.js';
import { MetricsLog } from './metrics-log.js';
import type { BaseModel } from './save-adapter.js';
import type { StageBatches } from './stage-batches.js';
import type { TrainEvent } from './train-event.js';
import { finishRun, type TrainReport } from './train-finish.js';
import { ownThoughtsOfStage } from './train-own-thoughts.js';
import { baseSettings, headerOf, openModel, savedProgress, stageBatches, startingAdapter } from './train-setup.js';
import { loadTrainingData } from './training-data.js';
import { lossAndGradient } from './training-step.js';
import { validationDocuments } from './validation.js';

export interface TrainOptions {
  /** Folder of the adapter, the metrics and the state of the run. */
  readonly output: string;
  /** Go on from the checkpoint in the output folder; without one, begin. Default false. */
  readonly resume?: boolean | undefined;
  /** Threads of one run. Default: as many as the machine runs at once. */
  readonly threads?: number | undefined;
  /** Stops at the next safe point, with a checkpoint. */
  readonly signal?: AbortSignal | undefined;
  readonly onEvent?: ((event: TrainEvent) => void) | undefined;
}

export const TRAINING: RunKind = { name: 'train', doing: 'is training' };

/**
 * Trains an adapter by a recipe: reads and checks all data, then stage after stage, then saves the adapter.
 *
 * A run that was stopped, by a signal or by kill -9, goes on with `resume` and gives the same weights to the last bit on the
 * same machine with the same number of threads. One run at a time may work in an output folder.
 *
 * @throws InvalidInputError for data that is wrong (file, line, field), before the first step; MismatchError where recipe,
 * data or base model are not those of the checkpoint; O1Error when loss or gradient break; the signal's reason.
 */
export async function train(recipe: Recipe, base: BaseModel, options: TrainOptions): Promise<TrainReport> {
  const release = await acquireRunLock(options.output, TRAINING);
  try {
    return await trainAlone(recipe, base, options);
  } finally {
    await release();
  }
}

async function trainAlone(recipe: Recipe, base: BaseModel, options: TrainOptions): Promise<TrainReport> {
  const { output, signal } = options;
  const threads = options.threads ?? availableParallelism();
  const emit = options.onEvent ?? (() => undefined);
  const files = runFiles(output);
  await checkOutput(output, options.resume ?? false);
  const settings = baseSettings(recipe, base);
  const start = await startingAdapter(recipe, base);
  const data = await loadTrainingData(recipe, base.tokenizer, { ...settings, selfTest: [] });
  for (const { name, cutThoughts } of data.sets) {
    if (cutThoughts === 0) continue;
    const message = `${cutThoughts} thoughts of "${name}" were cut to ${recipe.lengths.thought} tokens`;
    emit({ type: 'warning', message });
  }
  const stages = recipe.stages.map((_, index) => stageBatches(recipe, data, index));
  const header = headerOf(recipe, data, base, threads, start);
  const progress = options.resume ? await savedProgress(files.checkpoint, header, emit) : undefined;
  await mkdir(files.state, { recursive: true });
  await writeAtomically(join(output, 'recipe.json'), recipeText(recipe, output));

  const { model, crossEntropy, parameters } = await openModel(recipe, base, threads, start);
  try {
    const totals = { steps: stages.reduce((sum, { steps }) => sum + steps, 0), tokens: plannedTokens(stages) };
    const run: TrainingRun = {
      recipe,
      data,
      base,
      settings,
      threads,
      output,
      model,
      crossEntropy,
      state: { parameters, optimiser: adamWState(parameters.data.length) },
      gradients: parameters.zeros(),
      progress: progress ?? { stage: 0, step: 0, totalSteps: 0, tokens: 0 },
      header,
      metrics: await MetricsLog.open(files.metrics, progress?.totalSteps ?? 0),
      validation: data.sets.flatMap(({ name, documents, validation }) => {
        if (!validation) return [];
        const chosen = validationDocuments(documents, validation, recipe.validation?.documents);
        return [{ name, ...validation, documents: chosen }];
      }),
      totals,
      signal,
      emit,
    };
    if (progress) {
      await restoreCheckpoint(files.checkpoint, run.state);
      emit({ type: 'resumed', steps: progress.totalSteps });
    } else {
      emit({ type: 'estimate', ...(await estimate(run, stages)) });
    }
    while (run.progress.stage < recipe.stages.length) {
      const index = run.progress.stage;
      const own = await ownThoughtsOfStage(run);
      // Its own thoughts have other lengths than the expert's, which the plan was made with.
      if (own) stages[index] = stageBatches(recipe, data, index, own);
      const left = plannedTokens(stages.slice(index), run.progress.step);
      run.totals = { ...run.totals, tokens: run.progress.tokens + left };
      await runStage(run, stages[index]!);
    }
    return await finishRun(run);
  } finally {
    await Promise.all([model.close(), crossEntropy.close()]);
  }
}

async function checkOutput(output: string, resume: boolean): Promise<void> {
  const names = (await readdir(output)).filter((name) => !lockFiles(TRAINING).includes(name));
  if (names.length === 0 || (resume && names.includes('state'))) return;
  if (resume && names.includes('o1.json')) {
    throw new InvalidInputError('this run has finished: the adapter is here', { where: output });
  }
  throw new InvalidInputError('the output folder is not empty', {
    where: output,
    hint: 'Go on with the run that stands there (--resume), or name another folder.',
  });
}

async function estimate(run: TrainingRun, stages: readonly StageBatches[]) {
  const { recipe, totals, signal } = run;
  return estimateRun(stages, totals.tokens, sideWorkOf(run, stages), (batch) =>
    lossAndGradient(run.model, run.crossEntropy, batch, run.gradients, {
      recipe,
      stage: recipe.stages[0]!,
      signal,
    }),
  );
}
