import { setMaxListeners } from 'node:events';
import type { Handler } from 'hono';
import PQueue from 'p-queue';
import { queryEmbedding } from '../service.js';
import { vectorToBase64 } from '../thought-cache/embedding-json.js';
import { toQueryOptions } from './answers.js';
import { ApiError } from './api-error.js';
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
  const texts = await Promise.all(
    input.map((one) => {
      if (typeof one === 'string') return one;
      if (service.decodeTokens) return service.decodeTokens(one);
      throw new ApiError(400, 'This server takes texts, not token ids.', { code: 'invalid_type', param: 'input' });
    }),
  );
  const vectors = await service.embedDocuments(texts, { signal, onProgress });
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
  let [promptTokens, thoughtTokens] = [0, 0];
  const embed = async (text: string): Promise<Float32Array> => {
    const [tokens, event] = await Promise.all([service.countTokens(text), queryEmbedding(service, text, options)]);
    promptTokens += tokens;
    thoughtTokens += event.thoughts.reduce((sum, { tokens }) => sum + tokens.length, 0);
    metrics.queryTokens(tokens);
    metrics.answer(event);
    return event.vector;
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
