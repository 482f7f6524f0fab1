import { parentPort, workerData } from 'node:worker_threads';
import type { QueryOptions } from '../../embedder/index.js';
import type { Engine } from '../scheduler/engine.js';
import { type Load, Scheduler } from '../scheduler/scheduler.js';
import {
  type Answer,
  type CreateEngine,
  errorFromMessage,
  errorToMessage,
  type Request,
  sharedClock,
  type WorkerStart,
} from './protocol.js';

/** The worker thread's program: the model and its scheduler, at the other end of `workerService`. */

const port = parentPort!;
const start = workerData as WorkerStart;
const send = (answer: Answer, transfer: readonly ArrayBuffer[] = []) => port.postMessage(answer, [...transfer]);

/** Requests that can still be cancelled. */
const controllers = new Map<number, AbortController>();
/** Queries whose instant search is being made by the other thread. */
const scoresAwaited = new Map<
  number,
  { resolve: (scores: readonly number[]) => void; reject: (error: Error) => void }
>();

/** Requests that are not answered yet. */
const working = new Set<Promise<void>>();

const engine = await load();
if (engine) serve(engine);

async function load(): Promise<Engine | undefined> {
  try {
    const { createEngine } = (await import(start.module)) as { createEngine: CreateEngine };
    return await createEngine(
      start.parameters as never,
      (progress) => send({ type: 'progress', progress }),
      (run) => send({ type: 'run', run }),
    );
  } catch (error) {
    // Nothing listens on the port, so the thread ends now.
    send({ type: 'notReady', error: errorToMessage(error) });
    return undefined;
  }
}

function serve(engine: Engine): void {
  let reported: Load = { waiting: 0, thinking: 0 };
  const onLoad = (load: Load) => {
    if (load.waiting === reported.waiting && load.thinking === reported.thinking) return;
    reported = load;
    send({ type: 'load', load });
  };
  const scheduler = new Scheduler(engine, { ...start.scheduler, onLoad });
  port.on('message', (request: Request) => handle(engine, scheduler, request));
  const { fingerprint, modelName, dimensions } = engine;
  const settings = { lengths: engine.settings.lengths, thinking: engine.settings.thinking };
  send({ type: 'ready', fingerprint, modelName, dimensions, settings });
}

function handle(engine: Engine, scheduler: Scheduler, request: Request): void {
  const { type } = request;
  if (type === 'documents') {
    answer(request.id, (signal) => embedDocuments(scheduler, request, signal));
  } else if (type === 'query') {
    answer(request.id, (signal) => query(scheduler, request, signal));
  } else if (type === 'cancel') {
    controllers.get(request.id)?.abort(new Error('the caller has gone'));
  } else if (type === 'scores') {
    scoresAwaited.get(request.id)?.resolve(request.scores);
  } else if (type === 'noScores') {
    scoresAwaited.get(request.id)?.reject(errorFromMessage(request.error));
  } else {
    void close(engine, scheduler, request.graceMs);
  }
}

/** Runs a request; an error is its answer. */
function answer(id: number, work: (signal: AbortSignal) => Promise<void>): void {
  const controller = new AbortController();
  controllers.set(id, controller);
  const done = work(controller.signal)
    .catch((error: unknown) => send({ type: 'error', id, error: errorToMessage(error) }))
    .finally(() => {
      controllers.delete(id);
      working.delete(done);
    });
  working.add(done);
}

async function embedDocuments(
  scheduler: Scheduler,
  { id, documents }: Extract<Request, { type: 'documents' }>,
  signal: AbortSignal,
): Promise<void> {
  const onProgress = ({ done, tokens }: { done: number; tokens: number }) =>
    send({ type: 'documentsDone', id, done, tokens });
  const vectors = await scheduler.embedDocuments(documents, { signal, onProgress });
  const buffers = new Set(vectors.map(({ buffer }) => buffer as ArrayBuffer));
  send({ type: 'vectors', id, vectors }, [...buffers]);
}

async function query(
  scheduler: Scheduler,
  { id, text, options, hasScores, sentAt }: Extract<Request, { type: 'query' }>,
  signal: AbortSignal,
): Promise<void> {
  const passed = sharedClock() - sentAt;
  const here: QueryOptions = {
    ...options,
    signal,
    // The caller's deadline counts from when it asked, not from when this thread had time to listen.
    ...(options.deadlineMs === undefined ? {} : { deadlineMs: Math.max(0, options.deadlineMs - passed) }),
    ...(hasScores ? { instantScores: (instant: Float32Array) => askScores(id, instant) } : {}),
  };
  // Copied, not transferred: the embedder still holds the instant vector while it thinks.
  for await (const event of scheduler.query(text, here)) send({ type: 'event', id, event });
}

async function askScores(id: number, instant: Float32Array): Promise<readonly number[]> {
  try {
    return await new Promise((resolve, reject) => {
      scoresAwaited.set(id, { resolve, reject });
      send({ type: 'askScores', id, instant });
    });
  } finally {
    scoresAwaited.delete(id);
  }
}

async function close(engine: Engine, scheduler: Scheduler, graceMs: number | undefined): Promise<void> {
  await scheduler.drain(graceMs);
  await Promise.all(working);
  await engine.close();
  // With the port closed there is nothing left to wait for: the thread ends.
  port.close();
}
