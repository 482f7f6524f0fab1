import { z } from 'zod';
import { InvalidInputError, O1Error } from '../errors.js';
import { vectorFromBase64 } from '../vector-base64.js';
import { ApiError } from './api-error.js';
import type { EmbeddingRequest, EmbeddingResult, EmbeddingSource } from './embedding-source.js';
import { retryWhileBusy } from './retry.js';

export interface HttpSourceOptions {
  /** The API's root, as OpenAI's clients have it: `http://127.0.0.1:8080/v1`. */
  readonly baseURL: string;
  /** Sent as a bearer token. Default: none. */
  readonly apiKey?: string | undefined;
  /** How often a request is repeated when the server is too busy (429, 503). Default 2. */
  readonly maxRetries?: number | undefined;
  /** Sent with every request. */
  readonly headers?: Readonly<Record<string, string | undefined>> | undefined;
}

/** The server has one model and takes any name for it; OpenAI's API wants one. */
const DEFAULT_MODEL = 'o1-embedder';

const answerSchema = z.object({
  data: z.array(z.object({ index: z.number().int().min(0), embedding: z.base64() })),
  usage: z.object({ prompt_tokens: z.number() }),
});

/**
 * Vectors from a server of this project, over `POST /v1/embeddings`.
 *
 * @throws InvalidInputError when `baseURL` is not an address.
 */
export function httpSource(options: HttpSourceOptions): EmbeddingSource {
  const { baseURL, apiKey, maxRetries = 2 } = options;
  if (!(URL.canParse(baseURL) && /^https?:$/.test(new URL(baseURL).protocol))) {
    throw new InvalidInputError(`baseURL must be an http or https address, got ${JSON.stringify(baseURL)}`, {
      hint: 'Take the one that `o1-embedder serve` prints, with /v1.',
    });
  }
  const url = `${baseURL.replace(/\/+$/, '')}/embeddings`;
  const authorization = apiKey === undefined ? undefined : `Bearer ${apiKey}`;

  async function request(texts: readonly string[], settings: EmbeddingRequest): Promise<EmbeddingResult> {
    const { inputType, think, model = DEFAULT_MODEL, headers, signal } = settings;
    const response = await fetch(url, {
      method: 'POST',
      headers: headersOf({ authorization }, options.headers, headers, { 'content-type': 'application/json' }),
      body: JSON.stringify({
        model,
        input: texts,
        input_type: inputType,
        // Exact, and a third of the length of the numbers written out.
        encoding_format: 'base64',
        ...(inputType === 'query' && think !== undefined ? { think } : {}),
      }),
      ...(signal ? { signal } : {}),
    });
    const body = await response.text();
    if (!response.ok) throw new ApiError(url, response, body);
    return readAnswer(body, texts.length, url);
  }

  return {
    async embed(texts, settings) {
      if (texts.length === 0) return { vectors: [], tokens: 0 };
      return retryWhileBusy(() => request(texts, settings), { maxRetries, signal: settings.signal });
    },
  };
}

function readAnswer(body: string, count: number, url: string): EmbeddingResult {
  let answer: z.infer<typeof answerSchema>;
  try {
    answer = answerSchema.parse(JSON.parse(body));
  } catch (cause) {
    throw new O1Error(`expected an embeddings answer with base64 vectors, got ${JSON.stringify(body.slice(0, 100))}.`, {
      where: url,
      hint: 'Is this the address of an o1-embedder server, with /v1?',
      cause,
    });
  }
  const vectors = new Array<Float32Array>(count);
  for (const { index, embedding } of answer.data) vectors[index] = vectorFromBase64(embedding);
  if (answer.data.length !== count || Object.keys(vectors).length !== count || vectors.length !== count) {
    throw new O1Error(`expected ${count} vectors, got ${answer.data.length}.`, { where: url });
  }
  return { vectors, tokens: answer.usage.prompt_tokens };
}

/** Later ones take the place of earlier ones, however the names are written; those that are undefined are left out. */
function headersOf(...several: readonly (Readonly<Record<string, string | undefined>> | undefined)[]): Headers {
  const headers = new Headers();
  for (const [name, value] of several.flatMap((one) => Object.entries(one ?? {}))) {
    if (value !== undefined) headers.set(name, value);
  }
  return headers;
}
