import type { LoadOptions } from '../../embedder/index.js';
import type { EmbeddingService } from '../service.js';
import type { EngineParameters } from './load-engine.js';
import { type WorkerServiceOptions, workerService } from './worker-service.js';

/** Loads the embedder in a worker thread, with the options of `O1Embedder.load`, and hands it over as a service. */
export function loadService(
  { signal, onFetch, ...parameters }: Omit<LoadOptions, 'onRun'>,
  options: Pick<WorkerServiceOptions, 'scheduler' | 'onFailure'> = {},
): Promise<EmbeddingService> {
  return workerService({
    module: new URL('./load-engine.js', import.meta.url),
    parameters: parameters satisfies EngineParameters,
    onProgress: onFetch,
    signal,
    ...options,
  });
}
