import { setMaxListeners } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Handler } from 'hono';
import PQueue from 'p-queue';
import { vectorToBase64 } from '../../vector-base64.js';
import { queryEmbedding } from '../service.js';
import { QueueFullError } from '../service-errors.js';
import { toQueryOptions } from './answers.js';
import type { AppEnv, AppParts } from './app-parts.js';
import { readBody } from './read-body.js';
import { type EmbeddingsRequest, embeddingsRequest } from './request-schemas.js';

/** Queries of one request that are in the works at the same time: it must not fill the queue by itself. */
const QUERIES_AT_ONCE = 16;

interface Embedded {
  readonly vectors: readonly Float32Array[];
  readonly promptTokens: number;
  /** Tokens of the thoughts that were written. */
  readonly thoughtTokens: number;
}

/** `POST /v1/embeddings`, as OpenAI has it, with `input_type` and `think` besides. */
export function embeddingsRoute(parts: AppParts): Handler<AppEnv> {
  return async (c) => {
    const body = await readBody(c, embeddingsRequest);
    const { signal } = c.req.raw;
    if (body.input_type === 'query') c.set('queries', body.input as string[]);
    const embed = body.input_type === 'query' ? embedQueries : embedDocuments;
    const { vectors, promptTokens, thoughtTokens } = await embed(parts, body, signal);
    const encode = body.encoding_format === 'base64' ? vectorToBase64 : (vector: Float32Array) => [...vector];
    return c.json({
      object: 'list',
      data: vectors.map((vector, index) => ({ object: 'embedding', index, embedding: encode(vector) })),
      model: parts.service.modelName,
      usage: { prompt_tokens: promptTokens, total_tokens: promptTokens + thoughtTokens },
    });
  };
}

async function embedDocuments(
  { service, metrics }: AppParts,
  { input }: EmbeddingsRequest,
  signal: AbortSignal,
): Promise<Embedded> {
  let promptTokens = 0;
  const onProgress = ({ tokens }: { tokens: number }) => {
    promptTokens = tokens;
  };
  const vectors = await service.embedDocuments(input, { signal, onProgress });
  metrics.documentTokens(promptTokens);
  return { vectors, promptTokens, thoughtTokens: 0 };
}

async function embedQueries(
  { service, store, metrics }: AppParts,
  { input, think = 'never' }: EmbeddingsRequest,
  signal: AbortSignal,
): Promise<Embedded> {
  // One query that fails ends the others: the request as a whole is answered or refused.
  const failed = new AbortController();
  const either = AbortSignal.any([signal, failed.signal]);
  // All of the queries listen to it.
  setMaxListeners(0, either);
  const options = toQueryOptions({ think }, store, either);
  const queue = new PQueue({ concurrency: QUERIES_AT_ONCE });
  let [promptTokens, thoughtTokens, asking, answered] = [0, 0, 0, 0];
  const ask = async (text: string) => {
    asking++;
    try {
      return await queryEmbedding(service, text, options);
    } finally {
      asking--;
    }
  };
  const embed = async (text: string): Promise<Float32Array> => {
    for (;;) {
      try {
        const event = await ask(text);
        answered++;
        promptTokens += event.usage.promptTokens;
        thoughtTokens += event.usage.thoughtTokens;
        metrics.answer(event);
        return event.vector;
      } catch (error) {
        // A request of which nothing was taken is refused. Of one that was begun, the rest waits until there is room.
        if (!(error instanceof QueueFullError) || asking + answered === 0) throw error;
        await sleep(1000 * error.retryAfterSeconds, undefined, { signal: either });
      }
    }
  };
  try {
    const vectors = await queue.addAll((input as string[]).map((text) => () => embed(text)));
    return { vectors, promptTokens, thoughtTokens };
  } catch (error) {
    queue.clear();
    failed.abort(error);
    throw error;
  }
}
