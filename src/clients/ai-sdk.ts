/**
 * This embedder as a provider of the AI SDK, over HTTP or in this process: for `embed` and `embedMany` of the `ai` package.
 *
 * @example
 * import { createO1Embedder } from 'o1-embedder/ai-sdk';
 *
 * const o1 = createO1Embedder({ baseURL: 'http://127.0.0.1:8080/v1' });
 * const { embeddings } = await embedMany({ model: o1.embeddingModel(), values: ['fs.watch watches a folder'] });
 * const question = o1.embeddingModel(undefined, { inputType: 'query', think: 'always' });
 * const { embedding } = await embed({ model: question, value: 'get told when a file changes' });
 */
import {
  APICallError,
  type EmbeddingModelV3,
  InvalidArgumentError,
  NoSuchModelError,
  type ProviderV3,
} from '@ai-sdk/provider';
import { z } from 'zod';
import { ApiError } from './api-error.js';
import type { EmbeddingResult, EmbeddingSource } from './embedding-source.js';
import { httpSource } from './http-source.js';
import { type InProcessEmbedder, inProcessSource } from './in-process-source.js';

export { ApiError } from './api-error.js';
export type { InputType, Think } from './embedding-source.js';
export type { InProcessEmbedder } from './in-process-source.js';

/** Over HTTP, or with an embedder in this process. */
export type O1ProviderOptions =
  | {
      /** The server's API: `http://127.0.0.1:8080/v1`. */
      readonly baseURL: string;
      /** Sent as a bearer token. Default: none. */
      readonly apiKey?: string | undefined;
      /** Sent with every request. */
      readonly headers?: Readonly<Record<string, string | undefined>> | undefined;
      readonly embedder?: undefined;
    }
  | { readonly embedder: InProcessEmbedder; readonly baseURL?: undefined };

/** Strict: a misspelt setting would silently change every vector. */
const settingsSchema = z.strictObject({
  /** Default `document`, as the server's. */
  inputType: z.enum(['query', 'document']).optional(),
  /** For queries only. Default `never`. */
  think: z.enum(['never', 'always', 'auto']).optional(),
});

/** How texts are embedded; the same can be given for one call as `providerOptions: { o1: { … } }`. */
export type O1EmbeddingSettings = Readonly<z.infer<typeof settingsSchema>>;

export interface O1Provider extends ProviderV3 {
  /** @param modelId the model's name, for the server and for logs. Default `o1-embedder`. */
  embeddingModel(modelId?: string, settings?: O1EmbeddingSettings): EmbeddingModelV3;
  /** The same, under the name that it had before version 6 of the AI SDK. */
  textEmbeddingModel(modelId?: string, settings?: O1EmbeddingSettings): EmbeddingModelV3;
}

/** Key of `providerOptions`, and the provider's name in logs. */
const PROVIDER = 'o1';
/** One call stays short, so that others are not kept waiting; `embedMany` makes as many calls as are needed. */
const TEXTS_PER_CALL = 128;

/** The provider. A busy server (429) is asked again by the AI SDK itself, as its `maxRetries` says. */
export function createO1Embedder(options: O1ProviderOptions): O1Provider {
  const source =
    options.embedder === undefined ? httpSource({ ...options, maxRetries: 0 }) : inProcessSource(options.embedder);
  const embeddingModel: O1Provider['embeddingModel'] = (modelId = 'o1-embedder', settings = {}) =>
    createModel(source, modelId, parseSettings('settings', settings));
  const noSuchModel = (modelType: 'languageModel' | 'imageModel') => (modelId: string) => {
    throw new NoSuchModelError({ modelId, modelType });
  };
  return {
    specificationVersion: 'v3',
    embeddingModel,
    textEmbeddingModel: embeddingModel,
    languageModel: noSuchModel('languageModel'),
    imageModel: noSuchModel('imageModel'),
  };
}

function createModel(source: EmbeddingSource, modelId: string, settings: O1EmbeddingSettings): EmbeddingModelV3 {
  return {
    specificationVersion: 'v3',
    provider: PROVIDER,
    modelId,
    maxEmbeddingsPerCall: TEXTS_PER_CALL,
    // One model answers: calls side by side would only fill its queue.
    supportsParallelCalls: false,
    async doEmbed({ values, abortSignal, headers, providerOptions }) {
      const own = parseSettings(`providerOptions.${PROVIDER}`, providerOptions?.[PROVIDER] ?? {});
      const { inputType = 'document', think } = { ...settings, ...own };
      if (inputType === 'document' && think !== undefined && think !== 'never') {
        const message = `think "${think}" is for queries; documents are embedded as they are. Give inputType "query" too.`;
        throw new InvalidArgumentError({ argument: 'think', message });
      }
      const request = { inputType, think, model: modelId, headers, signal: abortSignal };
      const { vectors, tokens } = await translatingErrors(source.embed(values, request), values);
      return { embeddings: vectors.map((vector) => Array.from(vector)), usage: { tokens }, warnings: [] };
    },
  };
}

function parseSettings(argument: string, value: unknown): O1EmbeddingSettings {
  const { success, data, error } = settingsSchema.safeParse(value);
  if (success) return data;
  throw new InvalidArgumentError({ argument, message: `${argument}: ${z.prettifyError(error)}`, cause: error });
}

/** The AI SDK repeats a call by what it finds in an `APICallError` of its own. */
async function translatingErrors(
  result: Promise<EmbeddingResult>,
  values: readonly string[],
): Promise<EmbeddingResult> {
  try {
    return await result;
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    throw new APICallError({
      message: error.message,
      url: error.url,
      requestBodyValues: { input: values },
      statusCode: error.status,
      responseHeaders: { ...error.headers },
      responseBody: error.body,
      isRetryable: error.isBusy,
      cause: error,
    });
  }
}
