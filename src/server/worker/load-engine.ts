import { basename } from 'node:path';
import { type LoadOptions, O1Embedder, openAdapter } from '../../embedder/index.js';
import type { FetchProgress } from '../../models/index.js';
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
  return engineOf(embedder, { modelName: `${adapter.settings.base.model}/${basename(adapter.folder)}` });
}
