import { isIP } from 'node:net';
import pino from 'pino';
import { InvalidInputError } from '../../errors.js';
import { openStore } from '../../search/index.js';
import {
  cachedService,
  createApp,
  type EmbeddingService,
  type Listening,
  listen,
  loadService,
  ThoughtCache,
} from '../../server/index.js';
import type { CliContext } from '../context.js';
import { formatMilliseconds } from '../format.js';
import { isIndexFolder } from '../index-folder.js';
import { fetchReporter, type ModelOptions, withEmbedder } from '../load-embedder.js';
import { readyIndex } from '../ready-index.js';
import { assertThere } from '../source.js';

export interface ServeCommandOptions extends ModelOptions {
  readonly port: number;
  readonly host: string;
  readonly apiKeyEnv?: string;
  readonly cors?: string;
  readonly allowHost: readonly string[];
  readonly queue: number;
  readonly cache?: string;
  readonly index?: string;
  readonly logQueries?: boolean;
}

/**
 * After a signal, requests are finished for so long. With what follows (2 s for the worker to end, 1 s for the answers) two seconds
 * are left of the ten within which the process ends.
 */
const GRACE_MS = 5_000;
/** Then answers have so long to reach their readers. */
const FLUSH_MS = 1_000;

/**
 * Serves the model over HTTP until the process is told to stop.
 *
 * @param load starts the model; a test gives its own.
 */
export async function serveCommand(
  context: CliContext,
  place: string | undefined,
  options: ServeCommandOptions,
  load: typeof loadService = loadService,
): Promise<void> {
  const apiKey = readApiKey(context, options);
  if (place !== undefined) assertThere(place);
  const folder = place === undefined ? undefined : await indexOf(context, place, options);
  const service = await startService(context, options, load);
  let stopping: Promise<void> | undefined;
  const stop = () => {
    stopping ??= service.close({ graceMs: GRACE_MS });
    return stopping;
  };
  try {
    const store = folder === undefined ? undefined : await openStore(folder, { encoder: service });
    const warn = (message: string) => context.stderr.write(`${message}\n`);
    const cache = await ThoughtCache.open({ folder: options.cache, warn });
    try {
      const app = createApp({
        service: cachedService(service, cache),
        store,
        apiKey,
        hosts: [...options.allowHost, ...(isIP(options.host) ? [] : [options.host])],
        corsOrigin: options.cors,
        log: pino({ base: null }, { write: (line: string) => context.stderr.write(line) }),
        logQueries: options.logQueries,
        processMetrics: true,
      });
      const listening = await listen(app, { port: options.port, host: options.host });
      announce(context, options, listening, place, apiKey);
      await aborted(context.signal);
      context.stderr.write('Stopping: started requests are being finished.\n');
      listening.stop();
      await stop();
      await listening.close(FLUSH_MS);
    } finally {
      await stop();
      await cache.close();
      await store?.close();
    }
  } finally {
    await stop();
  }
}

function readApiKey({ environment }: CliContext, { apiKeyEnv }: ServeCommandOptions): string | undefined {
  if (apiKeyEnv === undefined) return undefined;
  const key = environment[apiKeyEnv];
  if (key) return key;
  throw new InvalidInputError(`--api-key-env ${apiKeyEnv}: this environment variable is not set, or empty.`, {
    hint: `Set it to the key that callers must send: ${apiKeyEnv}=... o1-embedder serve`,
  });
}

/**
 * The folder of the index of a place. Documents are brought up to date before the server starts, by a model of this thread's,
 * which is freed before the worker loads its own: there are never two in memory.
 */
async function indexOf(context: CliContext, place: string, options: ServeCommandOptions): Promise<string> {
  if (options.index === undefined && isIndexFolder(place)) return place;
  return withEmbedder(context, options, async (embedder) => {
    const { folder } = await readyIndex(context, embedder, place, options.index);
    return folder;
  });
}

async function startService(
  context: CliContext,
  { model, adapter, mode, offline, queue }: ServeCommandOptions,
  load: typeof loadService,
): Promise<EmbeddingService> {
  const fetching = fetchReporter(context.stderr);
  const start = performance.now();
  context.stderr.write('Loading the model …\n');
  try {
    const service = await load(
      { model, adapter, mode, offline, signal: context.signal, onFetch: fetching.onProgress },
      {
        scheduler: { maxWaiting: queue },
        onFailure: ({ message }) => context.stderr.write(`${message} Requests are refused; start the server again.\n`),
      },
    );
    context.stderr.write(`Loaded ${service.fingerprint} in ${formatMilliseconds(performance.now() - start)}.\n`);
    return service;
  } finally {
    fetching.stop();
  }
}

function announce(
  { stdout, stderr }: CliContext,
  { host, logQueries }: ServeCommandOptions,
  { address }: Listening,
  place: string | undefined,
  apiKey: string | undefined,
): void {
  const local = host === 'localhost' || host.startsWith('127.') || host === '::1';
  if (!local && apiKey === undefined) {
    stderr.write('Anybody who reaches this machine can use the server: --api-key-env asks for a key.\n');
  }
  if (logQueries) stderr.write('The log has the texts of queries.\n');
  stdout.write(`Serving ${place ?? 'the model alone, without documents'} at ${address}\n`);
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
