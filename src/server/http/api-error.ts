import type { Context } from 'hono';
import type { ContentfulStatusCode } from 'hono/utils/http-status';
import { InvalidInputError, O1Error } from '../../errors.js';
import { QueueFullError, ServiceUnavailableError } from '../service-errors.js';

/** The body of every error answer, as OpenAI's API has it. */
export interface ErrorBody {
  readonly error: {
    readonly message: string;
    readonly type: 'invalid_request_error' | 'rate_limit_error' | 'server_error';
    /** The field of the request that is wrong: `input[3]`. */
    readonly param: string | null;
    readonly code: string | null;
  };
}

interface ApiErrorDetails {
  readonly code: string;
  readonly param?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** A request that cannot be answered, with the status of its answer. */
export class ApiError extends O1Error {
  readonly status: ContentfulStatusCode;
  readonly code: string;
  readonly param: string | undefined;
  readonly headers: Readonly<Record<string, string>>;

  constructor(status: ContentfulStatusCode, message: string, { code, param, headers = {} }: ApiErrorDetails) {
    super(message);
    this.status = status;
    this.code = code;
    this.param = param;
    this.headers = headers;
  }
}

/** Seconds after which a stopping server may have been replaced by another. */
const RESTART_SECONDS = '5';

/** Why the model's thread has ended is for the log: its words may tell of this machine. */
const UNAVAILABLE = 'The server is stopping, or its model has failed.';

/** Any error as one that a client may see. What is a defect of the server's is not told in its own words. */
export function toApiError(error: unknown): ApiError {
  if (error instanceof ApiError) return error;
  if (error instanceof QueueFullError) {
    const headers = { 'retry-after': String(error.retryAfterSeconds) };
    return new ApiError(429, error.message, { code: 'queue_full', headers });
  }
  if (error instanceof ServiceUnavailableError) {
    const headers = { 'retry-after': RESTART_SECONDS, connection: 'close' };
    return new ApiError(503, UNAVAILABLE, { code: 'service_unavailable', headers });
  }
  if (error instanceof InvalidInputError) return new ApiError(400, error.message, { code: 'invalid_value' });
  return new ApiError(500, 'The server failed to answer; its log says why.', { code: 'internal_error' });
}

export function errorBody({ status, message, param, code }: ApiError): ErrorBody {
  const type = status === 429 ? 'rate_limit_error' : status >= 500 ? 'server_error' : 'invalid_request_error';
  return { error: { message, type, param: param ?? null, code } };
}

export const errorResponse = (c: Context, error: ApiError): Response =>
  c.json(errorBody(error), error.status, { ...error.headers });
