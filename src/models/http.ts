import { setTimeout as delay } from 'node:timers/promises';
import { EnvHttpProxyAgent, fetch, type RequestInit, type Response } from 'undici';
import { InvalidInputError, O1Error, throwIfAborted } from '../errors.js';
import { retryAfterMs } from '../retry-after.js';

/** What a server did wrong. `retry`: the same request may succeed soon; otherwise another source should be tried. */
export class SourceError extends O1Error {
  constructor(
    message: string,
    readonly retry: boolean,
    details: { where?: string; hint?: string; cause?: unknown } = {},
  ) {
    super(message, details);
  }
}

export interface HttpTimes {
  /** To a connection. */
  readonly connectMs: number;
  /** From the request to the head of the answer, redirects included. */
  readonly answerMs: number;
  /** Between two pieces of a body. */
  readonly stallMs: number;
  /** Before the first repetition; each further one waits twice as long. */
  readonly backoffMs: number;
}

/** A source that does not answer must fail in seconds, because there is another one; a slow one must not. */
const TIMES: HttpTimes = { connectMs: 10_000, answerMs: 20_000, stallMs: 20_000, backoffMs: 500 };

/** Repetitions of one request after a broken connection, 429 or 5xx. */
export const REPETITIONS = 3;

/** A server may ask for a longer pause than anyone at a prompt would wait. */
const LONGEST_PAUSE_MS = 30_000;

export interface HttpClientOptions {
  /** The Hub's address. Default: `HF_ENDPOINT`, else https://huggingface.co */
  readonly endpoint?: string;
  /** Sent to `endpoint` and to no other host. Default: `HF_TOKEN`. */
  readonly token?: string;
  readonly times?: Partial<HttpTimes>;
}

/**
 * Requests to the Hub: proxies by `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY`, the token for the Hub alone, time-outs, and
 * repetition of what may pass (broken connection, 429, 5xx). Errors never carry the token or a proxy's password.
 */
export class HttpClient {
  readonly endpoint: string;
  readonly times: HttpTimes;
  readonly #token: string | undefined;
  readonly #dispatcher: EnvHttpProxyAgent;

  constructor(options: HttpClientOptions = {}) {
    const endpoint = (options.endpoint ?? (process.env.HF_ENDPOINT || 'https://huggingface.co')).replace(/\/+$/, '');
    const address = URL.canParse(endpoint) ? new URL(endpoint) : undefined;
    if (address === undefined || !/^https?:$/.test(address.protocol) || address.username !== '') {
      // The value is not repeated: it may hold a password.
      throw new InvalidInputError('expected an address like https://huggingface.co, without user and password.', {
        where: 'HF_ENDPOINT',
      });
    }
    this.endpoint = endpoint;
    this.#token = options.token ?? (process.env.HF_TOKEN?.trim() || undefined);
    this.times = { ...TIMES, ...options.times };
    const timeout = this.times.connectMs;
    this.#dispatcher = new EnvHttpProxyAgent({
      connect: { timeout },
      proxyTls: { timeout },
      requestTls: { timeout },
      bodyTimeout: this.times.stallMs,
    });
  }

  /** The answer's head has arrived; its status is the caller's business, except that 429 and 5xx were repeated. */
  async fetch(url: string, init: RequestInit = {}): Promise<Response> {
    for (let repetition = 0; ; repetition++) {
      const last = repetition === REPETITIONS;
      try {
        const response = await this.#fetchOnce(url, init);
        if (last || !(response.status === 429 || response.status >= 500)) return response;
        await response.body?.cancel();
        await this.pause(repetition, init.signal ?? undefined, retryAfterMs(response.headers.get('retry-after')));
      } catch (error) {
        if (last || !(error instanceof SourceError && error.retry)) throw error;
        await this.pause(repetition, init.signal ?? undefined);
      }
    }
  }

  /** Waits before repetition number `repetition` (from 0), at least as long as the server asked for. */
  async pause(repetition: number, signal?: AbortSignal, askedMs = 0): Promise<void> {
    const own = this.times.backoffMs * 2 ** repetition;
    await delay(Math.min(Math.max(own, askedMs), LONGEST_PAUSE_MS), undefined, { signal }).catch((error) => {
      throwIfAborted(signal);
      throw error;
    });
  }

  /** What went wrong with a request or a body, in one line and without secrets. */
  failure(error: unknown, url: string): SourceError {
    if (error instanceof SourceError) return error;
    const chain = causes(error);
    const codes = chain.map((cause) => (cause as { code?: unknown }).code).filter((code) => typeof code === 'string');
    const broken = codes.some((code) => /^(ECONNRESET|EPIPE|UND_ERR_SOCKET|UND_ERR_BODY_TIMEOUT)$/.test(code));
    // The outer errors say "fetch failed" and the like; the reason is inside.
    const messages = chain.map((cause) => (cause instanceof Error ? cause.message : String(cause)));
    const what = messages.findLast((message) => message !== '') ?? 'failed without a reason';
    return new SourceError(this.#redact(`${what}${codes.length > 0 ? ` (${codes.at(-1)})` : ''}.`), broken, {
      where: this.#redact(url),
    });
  }

  /** Ends the connections, so that they do not keep the process alive. */
  close(): Promise<void> {
    return this.#dispatcher.destroy();
  }

  async #fetchOnce(url: string, init: RequestInit): Promise<Response> {
    const headers: Record<string, string> = {
      'user-agent': 'o1-embedder',
      // A compressed body has other byte positions than the file.
      'accept-encoding': 'identity',
      ...(init.headers as Record<string, string> | undefined),
    };
    if (this.#token !== undefined && new URL(url).origin === new URL(this.endpoint).origin) {
      headers.authorization = `Bearer ${this.#token}`;
    }
    // Aborts the body as well, so it must outlive this function: only the timer ends with the head of the answer.
    const noAnswer = new AbortController();
    const signal = init.signal ? AbortSignal.any([init.signal, noAnswer.signal]) : noAnswer.signal;
    const { answerMs } = this.times;
    const timer = setTimeout(() => noAnswer.abort(), answerMs);
    try {
      return await fetch(url, { ...init, headers, signal, dispatcher: this.#dispatcher });
    } catch (error) {
      throwIfAborted(init.signal ?? undefined);
      if (noAnswer.signal.aborted) {
        throw new SourceError(`no answer within ${answerMs / 1000} s.`, false, { where: this.#redact(url) });
      }
      throw this.failure(error, url);
    } finally {
      clearTimeout(timer);
    }
  }

  #redact(text: string): string {
    const plain = this.#token === undefined ? text : text.replaceAll(this.#token, '***');
    return plain.replace(/\/\/[^/@\s]+@/g, '//***@');
  }
}

/** The error and its causes, from the outside inward. */
function causes(error: unknown): unknown[] {
  const chain: unknown[] = [];
  for (let cause = error; cause !== undefined && cause !== null && chain.length < 5; ) {
    chain.push(cause);
    // Several addresses of one host were tried: the first failure is as good as the others.
    cause = cause instanceof AggregateError ? cause.errors[0] : (cause as { cause?: unknown }).cause;
  }
  return chain;
}

/** What a status means for someone who wants a file. */
export function statusError(status: number, url: string): SourceError {
  const hints: Record<number, string> = {
    401: 'The repository does not exist, or is private or gated: check the name, or set HF_TOKEN.',
    403: 'Access is not granted to this token: accept the conditions on the page of the model, or set another HF_TOKEN.',
    404: 'Check the name of the repository, the revision and the file.',
    429: 'Too many requests: wait some minutes, or set HF_TOKEN.',
  };
  const hint = hints[status];
  return new SourceError(`the server answered ${status}.`, status === 429 || status >= 500, {
    where: url,
    ...(hint === undefined ? {} : { hint }),
  });
}
