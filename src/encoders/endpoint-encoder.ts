import { createHash } from 'node:crypto';
import { z } from 'zod';
import { assertKey, redactor } from '../api-key.js';
import { endpointUrl } from '../endpoint-url.js';
import { InvalidInputError, O1Error, type O1ErrorDetails, throwIfAborted } from '../errors.js';
import { normalise } from '../normalise.js';
import { retryAfterMs } from '../retry-after.js';
import { pause, retryWaitMs } from '../retry-wait.js';
import type { EmbedOptions, TextEncoder } from './text-encoder.js';

export interface EndpointSettings {
  /** Root of an OpenAI-compatible API, e.g. `http://127.0.0.1:8080/v1`. */
  readonly url: string;
  readonly model: string;
  /** Sent as a bearer token; never in an error. */
  readonly apiKey?: string | undefined;
  /** Texts of one request. Default 64. */
  readonly batchSize?: number | undefined;
  /** Times that a request is sent at most. Default 6: with the waits below, half a minute of trouble is bridged. */
  readonly attempts?: number | undefined;
  /** Wait before the second attempt; doubled with each, and drawn between half of it and all of it. Default 1 s. */
  readonly firstWaitMs?: number | undefined;
  /** For one whole answer. Default one minute. */
  readonly timeoutMs?: number | undefined;
}

/** An embeddings endpoint gave no usable answer. */
export class EndpointError extends O1Error {
  /** HTTP status, where there was one. */
  readonly status: number | undefined;
  /** What the server asked for by Retry-After. */
  readonly retryAfterMs: number | undefined;
  /** The same request may well succeed later. */
  readonly isTransient: boolean;

  constructor(
    message: string,
    details: O1ErrorDetails & { status?: number; retryAfterMs?: number | undefined; isTransient: boolean },
  ) {
    super(message, details);
    this.status = details.status;
    this.retryAfterMs = details.retryAfterMs;
    this.isTransient = details.isTransient;
  }
}

const answerSchema = z.object({
  data: z.array(z.object({ index: z.number().int().min(0), embedding: z.array(z.number()).min(1) })),
});

/**
 * Vectors from an OpenAI-compatible `POST <url>/embeddings`, one request at a time. Its fingerprint is that of the address and the
 * model's name: nothing tells when the server changes the weights behind a name.
 *
 * @throws InvalidInputError for an address that is none, or a key that no header can carry.
 */
export function endpointEncoder(settings: EndpointSettings): TextEncoder {
  const { url, model, apiKey, batchSize = 64, attempts = 6, firstWaitMs = 1000, timeoutMs = 60_000 } = settings;
  const address = `${endpointUrl(url, 'url')}/embeddings`;
  for (const [name, value] of Object.entries({ batchSize, attempts })) {
    if (!(Number.isInteger(value) && value >= 1)) {
      throw new InvalidInputError(`${name} must be a whole number from 1 up, got ${value}.`);
    }
  }
  if (apiKey !== undefined) assertKey(apiKey, 'apiKey');
  const headers = {
    'content-type': 'application/json',
    ...(apiKey === undefined ? {} : { authorization: `Bearer ${apiKey}` }),
  };
  const { message: words } = redactor(apiKey);
  let dimensions: number | undefined;

  async function ask(texts: readonly string[], signal: AbortSignal | undefined): Promise<Float32Array[]> {
    const timeout = AbortSignal.timeout(timeoutMs);
    let response: Response;
    let body: string;
    try {
      response = await fetch(address, {
        method: 'POST',
        headers,
        body: JSON.stringify({ model, input: texts, encoding_format: 'float' }),
        signal: signal ? AbortSignal.any([signal, timeout]) : timeout,
      });
      body = await response.text();
    } catch (error) {
      throwIfAborted(signal);
      const { message, cause } = error as Error;
      const reason = timeout.aborted ? `no whole answer within ${timeoutMs} ms` : words(codeOf(cause) ?? message);
      throw new EndpointError(`${reason}.`, { where: address, isTransient: true });
    }
    if (!response.ok) throw statusError(response, words(body), address);
    return readAnswer(body, texts.length, address, dimensions);
  }

  async function askAgain(texts: readonly string[], signal: AbortSignal | undefined): Promise<Float32Array[]> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await ask(texts, signal);
      } catch (error) {
        if (!(error instanceof EndpointError && error.isTransient) || attempt >= attempts) throw error;
        const wait = retryWaitMs(attempt, firstWaitMs, error.retryAfterMs);
        if (wait === undefined) throw error;
        await pause(wait, signal);
      }
    }
  }

  return {
    name: model,
    get dimensions() {
      if (dimensions !== undefined) return dimensions;
      throw new InvalidInputError('the dimensions of an endpoint are known from its first answer on.', {
        where: address,
      });
    },
    fingerprint: `endpoint:${createHash('sha256')
      .update(JSON.stringify([address, model]))
      .digest('hex')}`,
    async embed(texts: readonly string[], { signal, onProgress }: EmbedOptions = {}) {
      const vectors: Float32Array[] = [];
      for (let start = 0; start < texts.length; start += batchSize) {
        throwIfAborted(signal);
        vectors.push(...(await askAgain(texts.slice(start, start + batchSize), signal)));
        dimensions = vectors[0]!.length;
        onProgress?.({ done: vectors.length, total: texts.length });
      }
      return vectors;
    },
    close: async () => {},
  };
}

function statusError(response: Response, words: string, where: string): EndpointError {
  const { status } = response;
  const hint = status === 401 || status === 403 ? 'Check the API key.' : undefined;
  return new EndpointError(`expected vectors, got status ${status}: ${words}.`, {
    where,
    status,
    retryAfterMs: retryAfterMs(response.headers.get('retry-after')),
    isTransient: status === 408 || status === 429 || status >= 500,
    ...(hint === undefined ? {} : { hint }),
  });
}

function readAnswer(body: string, count: number, where: string, dimensions: number | undefined): Float32Array[] {
  const malformed = (what: string) => new EndpointError(what, { where, isTransient: true });
  let data: z.infer<typeof answerSchema>['data'];
  try {
    data = answerSchema.parse(JSON.parse(body)).data;
  } catch {
    throw malformed('the answer is not the JSON of an embeddings request.');
  }
  const vectors = new Map(data.map(({ index, embedding }) => [index, normalise(embedding)]));
  const length = dimensions ?? data[0]?.embedding.length;
  return Array.from({ length: count }, (_, index) => {
    const vector = vectors.get(index);
    if (!vector) throw malformed(`expected ${count} vectors, got ${vectors.size}.`);
    if (vector.length !== length) throw malformed(`expected vectors of ${length}, got one of ${vector.length}.`);
    if (vector.every((value) => value === 0)) throw malformed(`vector ${index} is all zeros.`);
    return vector;
  });
}

/** Of a failed connection, e.g. `ECONNREFUSED`: fetch itself only says "fetch failed". */
function codeOf(cause: unknown): string | undefined {
  const code = (cause as { code?: unknown } | undefined)?.code;
  return typeof code === 'string' ? `no connection (${code})` : undefined;
}
