import { O1Error } from '../errors.js';
import { retryAfterMs } from '../retry-after.js';

/** The server answered, but with an error. */
export class ApiError extends O1Error {
  readonly url: string;
  /** HTTP status. */
  readonly status: number;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  /** The answer's body as it came. */
  readonly body: string;
  /** How long the server asks to wait before the next attempt, in ms; `undefined` where it does not say. */
  readonly retryAfterMs: number | undefined;

  constructor(url: string, response: Response, body: string) {
    const { status } = response;
    super(`the server answered ${status}: ${messageOf(body) ?? response.statusText}`, { where: url });
    this.url = url;
    this.status = status;
    this.headers = Object.fromEntries(response.headers);
    this.body = body;
    this.retryAfterMs = retryAfterMs(response.headers.get('retry-after'));
  }

  /** The server was too busy to begin: the same request may succeed later. */
  get isBusy(): boolean {
    return this.status === 429 || this.status === 503;
  }
}

/** The message of an error body in OpenAI's shape. */
function messageOf(body: string): string | undefined {
  try {
    const message: unknown = JSON.parse(body)?.error?.message;
    return typeof message === 'string' ? message : undefined;
  } catch {
    return undefined;
  }
}
