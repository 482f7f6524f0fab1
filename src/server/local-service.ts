import type { Engine } from './scheduler/engine.js';
import { Scheduler, type SchedulerSettings } from './scheduler/scheduler.js';
import type { EmbeddingService } from './service.js';

/**
 * An engine as a service in this thread. A run of the model blocks the thread: for a server take `workerService`.
 */
export function localService(engine: Engine, settings: SchedulerSettings = {}): EmbeddingService {
  const scheduler = new Scheduler(engine, settings);
  let closed: Promise<void> | undefined;
  const close = async (graceMs: number | undefined) => {
    await scheduler.drain(graceMs);
    await engine.close();
  };
  return {
    fingerprint: engine.fingerprint,
    modelName: engine.modelName,
    dimensions: engine.dimensions,
    settings: engine.settings,
    embedDocuments: (documents, options) => scheduler.embedDocuments(documents, options),
    query: (text, options) => scheduler.query(text, options),
    status: () => ({ state: closed ? 'stopping' : 'ready', ...scheduler.load }),
    close: ({ graceMs } = {}) => {
      closed ??= close(graceMs);
      return closed;
    },
  };
}
