import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { crashPoint } from '../crash-point.js';
import { hashIntegers, LM_HEAD } from '../decoder/index.js';
import { type O1Settings, SEQUENCE_VERSION } from '../embedder/index.js';
import { InvalidInputError, MismatchError } from '../errors.js';
import { adamWState } from './adamw.js';
import { type CheckpointHeader, readCheckpointHeader, restoreCheckpoint, type TrainingProgress } from './checkpoint.js';
import { chooseThinking, type ThinkingChoice } from './choose-thinking.js';
import type { Recipe } from './config.js';
import { curvesPage } from './curves-page.js';
import { StageBatches, type StageBatchesOptions } from './dataset-batches.js';
import { estimateRun, plannedTokens } from './estimate.js';
import { runFiles, runStage, type TrainingRun } from './loop.js';
import { initialParameters, loraShapes } from './lora.js';
import { ThoughtCrossEntropy } from './losses/thought-cross-entropy.js';
import { MetricsLog, readMetrics, writeWhole } from './metrics-log.js';
import { writeOwnThoughts } from './own-thoughts.js';
import { runtimeVersion } from './runtime-version.js';
import { type BaseModel, loadAdapterWeights, loadTrained, saveAdapter, saveSettings } from './save-adapter.js';
import type { TrainEvent } from './train-event.js';
import { loadTrainingData, type TrainingData } from './training-data.js';
import { TrainingModel } from './training-model.js';
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

export interface TrainReport {
  /** The adapter folder. */
  readonly folder: string;
  readonly steps: number;
  readonly tokens: number;
  /** nDCG@10 of the kept weights' instant vectors on the development split. */
  readonly instantNdcg10: number | undefined;
  readonly settings: O1Settings;
}

/**
 * Trains an adapter by a recipe: reads and checks all data, then stage after stage, then saves the adapter.
 *
 * A run that was stopped, by a signal or by kill -9, goes on with `resume` and gives the same weights to the last bit on the
 * same machine with the same number of threads.
 *
 * @throws InvalidInputError for data that is wrong (file, line, field), before the first step; MismatchError where recipe,
 * data or base model are not those of the checkpoint; O1Error when loss or gradient break; the signal's reason.
 */
export async function train(recipe: Recipe, base: BaseModel, options: TrainOptions): Promise<TrainReport> {
  const { output, signal } = options;
  const threads = options.threads ?? availableParallelism();
  const emit = options.onEvent ?? (() => undefined);
  const files = runFiles(output);
  await checkOutput(output, options.resume ?? false);
  const settings = baseSettings(recipe, base);
  const data = await loadTrainingData(recipe, base.tokenizer, { ...settings, selfTest: [] });
  if (data.cutThoughts > 0) {
    emit({ type: 'warning', message: `${data.cutThoughts} thoughts were cut to ${recipe.lengths.thought} tokens` });
  }
  const stages = recipe.stages.map((_, index) => stageBatches(recipe, data, index));
  const header = headerOf(recipe, data, base, threads);
  const progress = options.resume ? await savedProgress(files.checkpoint, header, emit) : undefined;
  await mkdir(files.state, { recursive: true });
  await writeWhole(join(output, 'recipe.json'), `${JSON.stringify(recipe, undefined, 2)}\n`);

  const { model, crossEntropy, parameters } = await openModel(recipe, base, threads);
  try {
    const totals = { steps: stages.reduce((sum, { steps }) => sum + steps, 0), tokens: plannedTokens(stages) };
    const run: TrainingRun = {
      recipe,
      output,
      model,
      crossEntropy,
      state: { parameters, optimiser: adamWState(parameters.data.length) },
      gradients: parameters.zeros(),
      progress: progress ?? { stage: 0, step: 0, totalSteps: 0, tokens: 0 },
      header,
      metrics: await MetricsLog.open(files.metrics, progress?.totalSteps ?? 0),
      validation: data.validation && {
        ...data.validation,
        documents: validationDocuments(data.documents, data.validation, recipe.validation?.documents),
      },
      totals,
      signal,
      emit,
    };
    if (progress) {
      await restoreCheckpoint(files.checkpoint, run.state);
      emit({ type: 'resumed', steps: progress.totalSteps });
    } else {
      emit({ type: 'estimate', ...(await estimate(run, data, stages)) });
    }
    while (run.progress.stage < recipe.stages.length) {
      const index = run.progress.stage;
      const own = await ownThoughts(run, data, base, settings, threads);
      await runStage(run, own ? stageBatches(recipe, data, index, own) : stages[index]!);
    }
    return await finish(run, data, base, settings, threads);
  } finally {
    await Promise.all([model.close(), crossEntropy.close()]);
  }
}

async function checkOutput(output: string, resume: boolean): Promise<void> {
  if (!existsSync(output)) return;
  const names = await readdir(output);
  if (names.length === 0 || (resume && names.includes('state'))) return;
  if (resume && names.includes('o1.json')) {
    throw new InvalidInputError('this run has finished: the adapter is here', { where: output });
  }
  throw new InvalidInputError('the output folder is not empty', {
    where: output,
    hint: 'Go on with the run that stands there (--resume), or name another folder.',
  });
}

function baseSettings(recipe: Recipe, base: BaseModel): Omit<O1Settings, 'selfTest'> {
  return {
    sequenceVersion: SEQUENCE_VERSION,
    base: { model: recipe.base.model, sha256: base.sha256 },
    tokens: recipe.base.tokens,
    pooling: 'last',
    lengths: recipe.lengths,
    // What is best is chosen on the development split afterwards; until then, what is always safe.
    thinking: { think: 'never', thoughts: 1, temperature: 0, topP: 1 },
    origin: recipe.description,
  };
}

function stageBatches(recipe: Recipe, data: TrainingData, index: number, own?: StageBatchesOptions['own']) {
  const { seed, base } = recipe;
  return new StageBatches(data, { stage: recipe.stages[index]!, index, seed, tokens: base.tokens, own });
}

function headerOf(recipe: Recipe, data: TrainingData, base: BaseModel, threads: number) {
  // Paths may change between two runs; what is in the files is in the data's fingerprint.
  const { data: _, checkpointEvery: __, ...rest } = recipe;
  return {
    inputs: {
      ...Object.fromEntries(Object.entries(rest).map(([key, value]) => [`recipe.${key}`, JSON.stringify(value)])),
      data: data.fingerprint,
      base: base.sha256,
    },
    machine: { threads, node: process.version, runtime: runtimeVersion() },
  };
}

/** The counters of a checkpoint, if there is one, after a look at whether it belongs to this run. */
async function savedProgress(
  path: string,
  header: Omit<CheckpointHeader, 'progress'>,
  emit: (event: TrainEvent) => void,
): Promise<TrainingProgress | undefined> {
  if (!existsSync(path)) return undefined;
  const saved = await readCheckpointHeader(path);
  for (const key of new Set([...Object.keys(saved.inputs), ...Object.keys(header.inputs)])) {
    if (saved.inputs[key] === header.inputs[key]) continue;
    throw new MismatchError(`"${key}" is ${header.inputs[key]}, the checkpoint's run had ${saved.inputs[key]}`, {
      where: path,
      hint: 'Go on with what the run began with, or start another one in another folder.',
    });
  }
  for (const key of ['threads', 'node', 'runtime'] as const) {
    if (saved.machine[key] === header.machine[key]) continue;
    const message = `${key} was ${saved.machine[key]} and is ${header.machine[key]}: the last bits may differ`;
    emit({ type: 'warning', message });
  }
  return saved.progress;
}

/** Their mean is where the borrowed tokens' rows begin: common tokens of every vocabulary, with little meaning. */
const COMMON = '!"#$';

async function openModel(recipe: Recipe, base: BaseModel, threads: number) {
  const { config, tokenizer } = base;
  const { query, document, thought, embedding, end } = recipe.base.tokens;
  const markTokens = [query, document, thought, embedding];
  const wrong = [...markTokens, end].find((id) => id >= config.vocabularySize);
  if (wrong !== undefined || new Set([...markTokens, end]).size < 5) {
    throw new InvalidInputError(
      `expected five different ids below ${config.vocabularySize}, got ${[...markTokens, end]}`,
      { where: 'base.tokens' },
    );
  }
  const { rank, alpha } = recipe.lora;
  const { lengths } = recipe;
  const table = await base.read('model.embed_tokens.weight');
  const { hiddenSize } = config;
  const common = [...COMMON].map((character) => tokenizer.encode(character)[0]!);
  const rows = common.map((id) => table.slice(id * hiddenSize, (id + 1) * hiddenSize));
  const parameters = initialParameters(loraShapes(config, rank, markTokens.length), rows, recipe.seed);
  const model = await TrainingModel.create(base, parameters, {
    rank,
    scale: alpha / rank,
    // A query with a thought has five marks, a document two; rows of packed sequences are up to three times as long.
    maxPositions: 3 * Math.max(lengths.query + lengths.thought + 5, lengths.document + 2),
    markTokens,
    session: { threads },
  });
  const head = config.tiedEmbeddings ? model.embedding : await base.read(LM_HEAD);
  const crossEntropy = await ThoughtCrossEntropy.create(head, hiddenSize, markTokens, { threads });
  return { model, crossEntropy, parameters };
}

async function estimate(run: TrainingRun, data: TrainingData, stages: readonly StageBatches[]) {
  const { recipe, validation, totals, signal } = run;
  const every = recipe.validation?.every ?? Number.POSITIVE_INFINITY;
  const validations = stages.reduce((sum, { steps }) => sum + Math.ceil(steps / every), 0);
  const length = (items: readonly { readonly tokens: readonly number[] }[]) =>
    items.reduce((sum, { tokens }) => sum + tokens.length, 0);
  const perValidation = validation ? length(validation.queries) + length(validation.documents) : 0;
  const expert = data.examples.reduce((sum, { thoughts }) => sum + (thoughts[0]?.length ?? 0), 0);
  const written = recipe.stages.reduce((sum, { ownThoughts }) => sum + expert * (ownThoughts?.perQuery ?? 0), 0);
  return estimateRun(
    stages,
    totals.tokens,
    { validationTokens: validations * perValidation, writtenTokens: written },
    stageBatches({ ...recipe, stages: [{ ...recipe.stages[0]!, batch: 2 }] }, data, 0).at(0),
    (batch) =>
      lossAndGradient(run.model, run.crossEntropy, batch, run.gradients, {
        recipe,
        stage: recipe.stages[0]!,
        signal,
      }),
  );
}

/** What the model writes about the training queries before the coming stage, if the stage asks for it. */
async function ownThoughts(
  run: TrainingRun,
  data: TrainingData,
  base: BaseModel,
  settings: Omit<O1Settings, 'selfTest'>,
  threads: number,
) {
  const { recipe, progress, output, state, emit, signal } = run;
  const stage = recipe.stages[progress.stage]!;
  if (!stage.ownThoughts) return undefined;
  const folder = join(runFiles(output).state, `stage-${progress.stage}`);
  await mkdir(folder, { recursive: true });
  const path = join(folder, 'own-thoughts.jsonl');
  const start = performance.now();
  const own = await writeOwnThoughts(
    async () => {
      if (progress.step > 0) {
        throw new MismatchError('the thoughts of the stage under way are not all there', {
          where: path,
          hint: 'They were written by weights that are gone: start another run.',
        });
      }
      const { rank, alpha } = recipe.lora;
      await saveAdapter(folder, state.parameters, { rank, alpha, settings }, base);
      return loadTrained(folder, base, { mode: 'int8', threads });
    },
    {
      path,
      queries: data.examples,
      settings: stage.ownThoughts,
      seed: hashIntegers([recipe.seed, progress.stage]),
      signal,
      onProgress: (done) => emit({ type: 'thoughts', stage: stage.name, ...done }),
    },
  );
  if (progress.step > 0) return own;
  const lengths = [...own.values()].flat().map(({ length }) => length);
  await run.metrics.append({
    type: 'thoughts',
    step: progress.totalSteps,
    stage: stage.name,
    queries: own.size,
    meanTokens: lengths.reduce((sum, length) => sum + length, 0) / lengths.length,
    seconds: (performance.now() - start) / 1000,
  });
  return own;
}

/** Saves the adapter and clears the state away. */
async function finish(
  run: TrainingRun,
  data: TrainingData,
  base: BaseModel,
  settings: Omit<O1Settings, 'selfTest'>,
  threads: number,
): Promise<TrainReport> {
  const { recipe, output, progress, state } = run;
  const files = runFiles(output);
  const { best, totalSteps: steps, tokens } = progress;
  const keepBest = recipe.validation?.keep === 'best' && best !== undefined;
  if (keepBest) await loadAdapterWeights(files.best, state.parameters);
  const instantNdcg10 = keepBest ? best.ndcg10 : undefined;
  const [example] = data.examples;
  const { rank, alpha } = recipe.lora;
  const saved = await saveAdapter(
    output,
    state.parameters,
    {
      rank,
      alpha,
      settings: {
        ...settings,
        training: {
          recipe: createHash('sha256').update(JSON.stringify(run.header.inputs)).digest('hex').slice(0, 16),
          queries: data.examples.length,
          steps,
          tokens,
          ...(instantNdcg10 === undefined ? {} : { instantNdcg10 }),
        },
      },
    },
    base,
    {
      threads,
      selfTest: [
        { kind: 'query', text: example!.text },
        { kind: 'document', text: data.documents[example!.positive]!.text },
      ],
    },
  );
  const thinking = await tryThinking(run, base, threads);
  if (thinking) {
    saved.thinking = thinking;
    await saveSettings(output, saved);
  }
  await writeWhole(join(output, 'curves.html'), await curvesPage(recipe.description, await readMetrics(files.metrics)));
  // Moved away first: half of a state must not be taken for one.
  const left = `${files.state}.finished`;
  crashPoint('train-saved');
  await rename(files.state, left);
  await rm(left, { recursive: true });
  return { folder: output, steps, tokens, instantNdcg10, settings: saved };
}

/** The best way to think on the development split, if the recipe names some to try. */
async function tryThinking(run: TrainingRun, base: BaseModel, threads: number): Promise<ThinkingChoice | undefined> {
  const { recipe, validation, output, progress, signal } = run;
  const ways = recipe.validation?.thinking ?? [];
  if (!validation || ways.length === 0) return undefined;
  const start = performance.now();
  const embedder = await loadTrained(output, base, { mode: 'int8', threads });
  try {
    const { choice, figures } = await chooseThinking(embedder, validation, validation.documents, ways, signal);
    const seconds = (performance.now() - start) / 1000 / figures.length;
    const stage = recipe.stages.at(-1)!.name;
    for (const figure of figures) {
      await run.metrics.append({ type: 'thinking', step: progress.totalSteps, stage, ...figure, seconds });
    }
    run.emit({ type: 'thinking', figures });
    return choice;
  } finally {
    await embedder.close();
  }
}
