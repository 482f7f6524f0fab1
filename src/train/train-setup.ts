import { existsSync } from 'node:fs';
import { EMBEDDING, LM_HEAD } from '../decoder/index.js';
import { type O1Settings, SEQUENCE_VERSION } from '../embedder/index.js';
import { InvalidInputError, MismatchError } from '../errors.js';
import { runtimeVersion } from '../tensor/index.js';
import { type CheckpointHeader, readCheckpointHeader, type TrainingProgress } from './checkpoint.js';
import type { Recipe } from './config.js';
import { initialParameters, loraShapes } from './lora.js';
import { ThoughtCrossEntropy } from './losses/thought-cross-entropy.js';
import type { BaseModel } from './save-adapter.js';
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
export function headerOf(recipe: Recipe, data: TrainingData, base: BaseModel, threads: number) {
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

/** The model under training at its first step, and its LM head. */
export async function openModel(recipe: Recipe, base: BaseModel, threads: number) {
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
