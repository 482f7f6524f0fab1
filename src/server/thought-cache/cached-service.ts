import type { QueryEmbedding, QueryOptions } from '../../embedder/index.js';
import { throwIfAborted } from '../../errors.js';
import type { EmbeddingService, ServiceEmbedding, ServiceEvent } from '../service.js';
import type { ThoughtCache } from './thought-cache.js';
import { thoughtKey } from './thought-key.js';

const NO_TIME: QueryEmbedding['timings'] = { prefillMs: 0, thinkMs: 0, closingMs: 0, totalMs: 0 };

/**
 * A service that remembers finished thoughts. What a deadline cut short is not remembered.
 *
 * A remembered query yields its instant event, each thought as one token event, and its final event with `cached`.
 */
export function cachedService(service: EmbeddingService, cache: ThoughtCache): EmbeddingService {
  const origin = { fingerprint: service.fingerprint, thinking: service.settings.thinking };
  const query = (text: string, options: QueryOptions = {}): AsyncIterable<ServiceEvent> => {
    const key = thoughtKey(origin, text, options);
    if (key === undefined) return service.query(text, options);
    const known = cache.get(key);
    if (known) return replay(known, options.signal);
    return remember(service.query(text, options), (embedding) => cache.set(key, embedding));
  };
  return {
    fingerprint: service.fingerprint,
    modelName: service.modelName,
    dimensions: service.dimensions,
    settings: service.settings,
    embedDocuments: (documents, options) => service.embedDocuments(documents, options),
    query,
    ...(service.status && { status: () => service.status!() }),
    ...(service.onRun && { onRun: (listener) => service.onRun!(listener) }),
    close: async (options) => {
      await service.close(options);
      await cache.close();
    },
  };
}

async function* replay(known: ServiceEmbedding, signal: AbortSignal | undefined): AsyncGenerator<ServiceEvent> {
  throwIfAborted(signal);
  yield { type: 'instant', vector: known.instant, prefillMs: 0, signals: known.signals };
  for (const { sample, text, tokens } of known.thoughts) {
    yield { type: 'token', sample, token: tokens.at(-1) ?? 0, text };
  }
  yield { type: 'final', ...known, timings: NO_TIME, cached: true };
}

async function* remember(
  events: AsyncIterable<ServiceEvent>,
  keep: (embedding: ServiceEmbedding) => void,
): AsyncGenerator<ServiceEvent> {
  for await (const event of events) {
    if (event.type === 'final' && event.basis === 'thoughts' && !event.deadlineReached) {
      const { type: _, cached: __, ...embedding } = event;
      keep(embedding);
    }
    yield event;
  }
}
