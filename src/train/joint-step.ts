import { throwIfAborted } from '../errors.js';
import { type JointBatch, type JointSequence, jointSequences } from './joint-batch.js';
import { objectiveFeeds, objectiveParts } from './joint-objective.js';
import {
  contrastiveParts,
  DEFAULT_CONTRASTIVE_WEIGHT,
  type JointLoss,
  type JointLossSettings,
  jointLoss,
} from './losses/joint-loss.js';
import type { ThoughtCrossEntropy } from './losses/thought-cross-entropy.js';
import { type PackedBatch, packSequences } from './packing.js';
import type { ParameterSet } from './parameters.js';
import type { TrainingModel } from './training-model.js';

export interface JointStepOptions extends JointLossSettings {
  /** Places that go through the decoder at once: bounds the memory, not the batch. Default 2048. */
  readonly maxTokens?: number;
  readonly signal?: AbortSignal;
}

/** Beyond this the machine is no better used, and memory grows: about 1.2 MB a place for SmolLM2-135M. */
const DEFAULT_MAX_TOKENS = 2048;

/**
 * Loss and gradient of one batch: in one run where the batch fits into `maxTokens` places, else with gradient caching. Adds
 * the gradient to `gradients`.
 */
export function jointStep(
  model: TrainingModel,
  crossEntropy: ThoughtCrossEntropy,
  batch: JointBatch,
  gradients: ParameterSet,
  options: JointStepOptions = {},
): Promise<JointLoss> {
  const { maxTokens = DEFAULT_MAX_TOKENS } = options;
  const [first, second] = packSequences(
    jointSequences(batch).map(({ tokens }) => tokens.length),
    maxTokens,
  );
  const fits = !second && first !== undefined && first.rows * first.width <= maxTokens;
  return (fits ? directJointStep : cachedJointStep)(model, crossEntropy, batch, gradients, options);
}

/**
 * Loss and gradient of one batch, with gradient caching (Gao et al. 2021): all hidden states first, then the loss and its
 * gradient with respect to them, then each sub-batch once more, forward and backward. The batch of the contrastive loss may
 * be of any size; memory is that of one sub-batch.
 *
 * Adds the gradient to `gradients`.
 */
export async function cachedJointStep(
  model: TrainingModel,
  crossEntropy: ThoughtCrossEntropy,
  batch: JointBatch,
  gradients: ParameterSet,
  options: JointStepOptions = {},
): Promise<JointLoss> {
  const { maxTokens = DEFAULT_MAX_TOKENS, signal } = options;
  const sequences = jointSequences(batch);
  const lengths = sequences.map(({ tokens }) => tokens.length);
  const packed = packSequences(lengths, maxTokens);
  const states = new HiddenRows(sequences, model.config.hiddenSize);
  for (const part of packed) {
    throwIfAborted(signal);
    states.put(part, await model.hidden(part, sequences));
  }
  const { loss, gradient } = await jointLossOf(states, batch, crossEntropy, options);
  for (const part of packed) {
    throwIfAborted(signal);
    await model.backward(part, sequences, gradient.take(part), gradients);
  }
  return loss;
}

/**
 * The same in one run, without a second forward pass: all of the batch's activations are in memory at once. A batch without a
 * cloned thought goes the cached way.
 */
export async function directJointStep(
  model: TrainingModel,
  crossEntropy: ThoughtCrossEntropy,
  batch: JointBatch,
  gradients: ParameterSet,
  options: JointStepOptions = {},
): Promise<JointLoss> {
  const sequences = jointSequences(batch);
  if (!sequences.some(({ labels }) => labels.length > 0)) {
    return cachedJointStep(model, crossEntropy, batch, gradients, options);
  }
  throwIfAborted(options.signal);
  const lengths = sequences.map(({ tokens }) => tokens.length);
  const [packed] = packSequences(lengths, Number.POSITIVE_INFINITY);
  const feeds = objectiveFeeds(batch, packed!, sequences, crossEntropy.head, options);
  const outputs = await model.direct(packed!, sequences, feeds, gradients);
  return jointLoss(objectiveParts(batch, sequences, outputs, options), options);
}

/** Loss of all hidden states and its gradient with respect to them. */
async function jointLossOf(
  states: HiddenRows,
  batch: JointBatch,
  crossEntropy: ThoughtCrossEntropy,
  settings: JointLossSettings,
): Promise<{ loss: JointLoss; gradient: HiddenRows }> {
  const { contrastiveWeight = DEFAULT_CONTRASTIVE_WEIGHT } = settings;
  const { sequences } = states;
  const queries = batch.queries.length;
  const pooled = {
    instant: batch.queries.map((_, i) => states.row(i, 0)),
    thought: batch.queries.map((_, i) => (sequences[i]!.pooled > 1 ? states.row(i, 1) : undefined)),
    documents: batch.documents.map((_, j) => states.row(queries + j, 0)),
  };
  const { gradients, ...parts } = contrastiveParts(pooled, { ...batch, ...settings });
  const gradient = new HiddenRows(sequences, states.hiddenSize);
  batch.queries.forEach((_, i) => {
    gradient.row(i, 0).set(gradients.instant[i]!);
    const ofThought = gradients.thought[i];
    if (ofThought) gradient.row(i, 1).set(ofThought);
  });
  batch.documents.forEach((_, j) => {
    gradient.row(queries + j, 0).set(gradients.documents[j]!);
  });

  const labels = sequences.flatMap((sequence) => sequence.labels);
  if (labels.length === 0) return { loss: jointLoss({ ...parts, generation: undefined }, settings), gradient };
  const cloned = sequences.flatMap(({ labels, pooled }, i) => labels.map((_, k) => [i, pooled + k] as const));
  const hidden = new Float32Array(cloned.length * states.hiddenSize);
  cloned.forEach(([sequence, at], i) => {
    hidden.set(states.row(sequence, at), i * states.hiddenSize);
  });
  const cloning = await crossEntropy.run(hidden, labels);
  const weight = (1 - contrastiveWeight) / labels.length;
  cloned.forEach(([sequence, at], i) => {
    const target = gradient.row(sequence, at);
    for (let k = 0; k < target.length; k++) target[k] = weight * cloning.gradient[i * target.length + k]!;
  });
  return { loss: jointLoss({ ...parts, generation: cloning.sum / labels.length }, settings), gradient };
}

/** The hidden states that the loss reads, by sequence and place among its selected ones. */
class HiddenRows {
  readonly sequences: readonly JointSequence[];
  readonly hiddenSize: number;
  readonly #starts: number[] = [];
  readonly #data: Float32Array;

  constructor(sequences: readonly JointSequence[], hiddenSize: number) {
    this.sequences = sequences;
    this.hiddenSize = hiddenSize;
    let rows = 0;
    for (const { selected } of sequences) {
      this.#starts.push(rows);
      rows += selected.length;
    }
    this.#data = new Float32Array(rows * hiddenSize);
  }

  row(sequence: number, at: number): Float32Array {
    const start = (this.#starts[sequence]! + at) * this.hiddenSize;
    return this.#data.subarray(start, start + this.hiddenSize);
  }

  /** Stores a batch's rows, which stand in the order of its placements. */
  put(batch: PackedBatch, rows: Float32Array): void {
    let offset = 0;
    for (const { sequence } of batch.placements) {
      const own = this.#rowsOf(sequence);
      own.set(rows.subarray(offset, offset + own.length));
      offset += own.length;
    }
  }

  /** A batch's rows in the order of its placements. */
  take(batch: PackedBatch): Float32Array {
    const parts = batch.placements.map(({ sequence }) => this.#rowsOf(sequence));
    const rows = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0));
    let offset = 0;
    for (const part of parts) {
      rows.set(part, offset);
      offset += part.length;
    }
    return rows;
  }

  #rowsOf(sequence: number): Float32Array {
    const start = this.#starts[sequence]! * this.hiddenSize;
    return this.#data.subarray(start, start + this.sequences[sequence]!.selected.length * this.hiddenSize);
  }
}
