import { Worker } from 'node:worker_threads';
import { throwIfAborted } from '../../errors.js';
import { onAbort } from '../on-abort.js';
import type { EmbeddingService } from '../service.js';
import { type Answer, errorFromMessage, type Ready, type WorkerStart } from './protocol.js';
import { WorkerClient } from './worker-client.js';

export interface WorkerServiceOptions {
  /** A module that exports `createEngine(parameters, report, onRun)`; what it imports is loaded in the worker alone. */
  readonly module: URL;
  /** Its argument; a copy goes to the worker. */
  readonly parameters: unknown;
  readonly scheduler?: WorkerStart['scheduler'] | undefined;
  /** Hears what the module reports while it makes the engine. */
  readonly onProgress?: ((progress: never) => void) | undefined;
  /** Hears why the worker ended, when nobody asked it to. From then on every request is refused. */
  readonly onFailure?: ((error: Error) => void) | undefined;
  /** Ends the worker while it is loading. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Starts a worker thread with a model. A run of the model blocks its thread; this one stays free to listen.
 *
 * @throws what `createEngine` throws, an `O1Error` as one of the same class.
 */
export async function workerService(options: WorkerServiceOptions): Promise<EmbeddingService> {
  throwIfAborted(options.signal);
  const start: WorkerStart = {
    module: options.module.href,
    parameters: options.parameters,
    scheduler: options.scheduler ?? {},
  };
  const worker = new Worker(new URL('./worker-main.js', import.meta.url), { workerData: start });
  const stopListening = onAbort(options.signal, () => void worker.terminate());
  try {
    const ready = await readiness(worker, options.onProgress);
    return new WorkerClient(worker, ready, options.onFailure);
  } catch (error) {
    // What the module began before it failed must not keep the process alive.
    await worker.terminate();
    throwIfAborted(options.signal);
    throw error;
  } finally {
    stopListening();
  }
}

function readiness(worker: Worker, onProgress: ((progress: never) => void) | undefined): Promise<Ready> {
  return new Promise((resolve, reject) => {
    const listen = (answer: Answer) => {
      if (answer.type === 'progress') onProgress?.(answer.progress as never);
      if (answer.type === 'notReady') reject(errorFromMessage(answer.error));
      if (answer.type !== 'ready') return;
      worker.off('message', listen).off('error', reject).off('exit', exit);
      resolve(answer);
    };
    const exit = (code: number) => reject(new Error(`the model's thread ended with code ${code} before it was ready`));
    worker.on('message', listen).on('error', reject).on('exit', exit);
  });
}
