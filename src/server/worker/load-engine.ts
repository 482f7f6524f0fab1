import { basename } from 'node:path';
import { openCheckpoint, type Tokenizer } from '../../decoder/index.js';
import { type LoadOptions, O1Embedder, openAdapter } from '../../embedder/index.js';
import { InvalidInputError } from '../../errors.js';
import { type FetchProgress, resolveModel } from '../../models/index.js';
import { type Engine, engineOf } from '../scheduler/engine.js';

/** The part of `LoadOptions` that can be copied to another thread. */
export type EngineParameters = Omit<LoadOptions, 'signal' | 'onFetch'>;

/** Loads the embedder; what is being fetched is reported. Runs in the worker thread. */
export async function createEngine(
  parameters: EngineParameters,
  report: (progress: FetchProgress) => void,
): Promise<Engine> {
  const embedder = await O1Embedder.load({ ...parameters, onFetch: report });
  const adapter = await openAdapter(parameters.adapter);
  let tokenizer: Promise<Tokenizer> | undefined;
  return engineOf(embedder, {
    modelName: `${adapter.settings.base.model}/${basename(adapter.folder)}`,
    decodeTokens: async (ids) => {
      // Few callers send token ids, so the tokenizer is opened for the first who does.
      tokenizer ??= openTokenizer(parameters.model ?? adapter.settings.base.model);
      return decodeTokens(await tokenizer, ids);
    },
  });
}

/** The embedder keeps its own tokenizer to itself. */
async function openTokenizer(model: string): Promise<Tokenizer> {
  const checkpoint = await openCheckpoint(await resolveModel(model, { offline: true }));
  await checkpoint.close();
  return checkpoint.tokenizer;
}

/** @throws InvalidInputError for an id that this model does not have. */
function decodeTokens(tokenizer: Tokenizer, ids: readonly number[]): string {
  const wrong = ids.find((id) => id >= tokenizer.vocabularySize);
  if (wrong === undefined) return tokenizer.decode(ids);
  throw new InvalidInputError(`token id ${wrong} is not one of this model's ${tokenizer.vocabularySize}`, {
    hint: "Send texts, or ids of this model's own tokenizer; those of another model (cl100k_base, say) mean other words here.",
  });
}
