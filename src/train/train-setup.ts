import { existsSync } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';
import { EMBEDDING, LM_HEAD } from '../decoder/index.js';
import { type Adapter, type O1Settings, openAdapter, SEQUENCE_VERSION } from '../embedder/index.js';
import { InvalidInputError, MismatchError } from '../errors.js';
import { runtimeVersion } from '../tensor/index.js';
import { type CheckpointHeader, readCheckpointHeader, type TrainingProgress } from './checkpoint.js';
import type { Recipe } from './config.js';
import { initialParameters, loraShapes } from './lora.js';
import { ThoughtCrossEntropy } from './losses/thought-cross-entropy.js';
import { type BaseModel, loadAdapterWeights } from './save-adapter.js';
import { StageBatches, type StageBatchesOptions } from './stage-batches.js';
import type { TrainEvent } from './train-event.js';
import type { TrainingData } from './training-data.js';
import { TrainingModel } from './training-model.js';

/** `o1.json` without its self-test and without what only the end of the run knows. */
export function baseSettings(recipe: Recipe, base: BaseModel): Omit<O1Settings, 'selfTest'> {
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

/** The batches of a stage of the recipe. */
export function stageBatches(recipe: Recipe, data: TrainingData, index: number, own?: StageBatchesOptions['own']) {
  const { seed, base } = recipe;
  return new StageBatches(data, { stage: recipe.stages[index]!, index, seed, tokens: base.tokens, own });
}

/** What a checkpoint says of the run besides its counters. */
export function headerOf(recipe: Recipe, data: TrainingData, base: BaseModel, threads: number, start?: Adapter) {
  // Paths may change between two runs; what is in the files is in the data's fingerprint and the adapter's hash.
  const { data: _, checkpointEvery: __, ...named } = recipe;
  const { adapter: ___, ...marks } = recipe.base;
  const rest = { ...named, base: marks };
  return {
    inputs: {
      ...Object.fromEntries(Object.entries(rest).map(([key, value]) => [`recipe.${key}`, JSON.stringify(value)])),
      data: data.fingerprint,
      base: base.sha256,
      ...(start ? { adapter: start.sha256 } : {}),
    },
    machine: { threads, node: process.version, runtime: runtimeVersion() },
  };
}

/** The counters of a checkpoint, if there is one, after a look at whether it belongs to this run. */
export async function savedProgress(
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

/**
 * The adapter that the recipe goes on from, if it names one.
 *
 * @throws MismatchError where it is not for the recipe's base model, tokens, rank and alpha.
 */
export async function startingAdapter(recipe: Recipe, base: BaseModel): Promise<Adapter | undefined> {
  if (recipe.base.adapter === undefined) return undefined;
  const adapter = await openAdapter(recipe.base.adapter);
  const { settings, lora } = adapter;
  const expected = { base: base.sha256, tokens: recipe.base.tokens, rank: recipe.lora.rank, alpha: recipe.lora.alpha };
  const found = { base: settings.base.sha256, tokens: settings.tokens, ...lora };
  for (const key of ['base', 'tokens', 'rank', 'alpha'] as const) {
    if (isDeepStrictEqual(found[key], expected[key])) continue;
    throw new MismatchError(
      `"${key}" is ${JSON.stringify(found[key])}, the recipe has ${JSON.stringify(expected[key])}`,
      { where: adapter.folder, hint: 'Go on from an adapter with the same settings, or leave "base.adapter" out.' },
    );
  }
  return adapter;
}

/** The model under training at its first step, and its LM head. */
export async function openModel(recipe: Recipe, base: BaseModel, threads: number, start?: Adapter) {
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
  // A query with a thought has five marks, a document two.
  const longest = Math.max(lengths.query + lengths.thought + 5, lengths.document + 2);
  if (longest > config.maxPositions) {
    throw new InvalidInputError(`sequences grow to ${longest} tokens, the base model reads ${config.maxPositions}`, {
      where: 'lengths',
    });
  }
  const table = await base.read(EMBEDDING);
  const { hiddenSize } = config;
  const common = [...COMMON].map((character) => tokenizer.encode(character)[0]!);
  const rows = common.map((id) => table.slice(id * hiddenSize, (id + 1) * hiddenSize));
  const parameters = initialParameters(loraShapes(config, rank, markTokens.length), rows, recipe.seed);
  if (start) await loadAdapterWeights(start.weights, parameters);
  const model = await TrainingModel.create(base, parameters, {
    rank,
    scale: alpha / rank,
    // Rows of packed sequences are up to three times as long as the longest of them.
    maxPositions: 3 * longest,
    markTokens,
    session: { threads },
  });
  const head = config.tiedEmbeddings ? model.embedding : await base.read(LM_HEAD);
  const crossEntropy = await ThoughtCrossEntropy.create(head, hiddenSize, markTokens, { threads });
  return { model, crossEntropy, parameters };
}
