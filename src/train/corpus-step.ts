import { throwIfAborted } from '../errors.js';
import type { ThoughtCrossEntropy } from './losses/thought-cross-entropy.js';
import { packSequences } from './packing.js';
import type { ParameterSet } from './parameters.js';
import type { TrainingModel } from './training-model.js';

export interface CorpusStepOptions {
  /** The gradient is multiplied by it. */
  readonly weight: number;
  readonly maxTokens: number;
  readonly signal?: AbortSignal | undefined;
}

/**
 * "Read the corpus": the language-model loss of documents `<doc> d <emb>`, so that the model knows the names it should
 * think of. Returns the mean cross-entropy over the tokens of d and adds the weighted gradient to `gradients`.
 */
export async function corpusStep(
  model: TrainingModel,
  crossEntropy: ThoughtCrossEntropy,
  documents: readonly (readonly number[])[],
  gradients: ParameterSet,
  { weight, maxTokens, signal }: CorpusStepOptions,
): Promise<number> {
  // Each place but the last two predicts the next token; the one before `<emb>` would predict a mark.
  const sequences = documents.map((tokens) => ({ tokens, selected: tokens.slice(2).map((_, i) => i) }));
  const total = sequences.reduce((count, { selected }) => count + selected.length, 0);
  let sum = 0;
  for (const part of packSequences(
    documents.map(({ length }) => length),
    maxTokens,
  )) {
    throwIfAborted(signal);
    const labels = part.placements.flatMap(({ sequence }) => documents[sequence]!.slice(1, -1));
    if (labels.length === 0) continue;
    const hidden = await model.hidden(part, sequences);
    const loss = await crossEntropy.run(hidden, labels);
    sum += loss.sum;
    const scaled = loss.gradient.map((value) => (weight / total) * value);
    throwIfAborted(signal);
    await model.backward(part, sequences, scaled, gradients);
  }
  return total === 0 ? 0 : sum / total;
}
