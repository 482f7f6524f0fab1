import { basename } from 'node:path';
import { type LoadOptions, O1Embedder, type OnRun, openAdapter } from '../../embedder/index.js';
import type { FetchProgress } from '../../models/index.js';
import { type Engine, engineOf } from '../scheduler/engine.js';

/** The part of `LoadOptions` that can be copied to another thread. */
export type EngineParameters = Omit<LoadOptions, 'signal' | 'onFetch' | 'onRun'>;

/** Loads the embedder; what is being fetched is reported, and each run. Runs in the worker thread. */
export async function createEngine(
  parameters: EngineParameters,
  report: (progress: FetchProgress) => void,
  onRun: OnRun,
): Promise<Engine> {
  const embedder = await O1Embedder.load({ ...parameters, onFetch: report, onRun });
  const adapter = await openAdapter(parameters.adapter);
  return engineOf(embedder, { modelName: `${adapter.settings.base.model}/${basename(adapter.folder)}` });
}
