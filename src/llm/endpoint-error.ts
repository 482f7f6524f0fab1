import { retryAfterMs } from '../retry-after.js';
import { ChatModelError, type Fault } from './chat-model-error.js';

/** What is read of the library's errors. Its own class is not imported: that would load the library. */
interface CallError {
  readonly name: string;
  readonly message: string;
  readonly statusCode?: number;
  readonly responseHeaders?: Record<string, string>;
  readonly responseBody?: string;
  readonly cause?: unknown;
}

/** The kind of fault that an error of the AI SDK stands for; `undefined` where it is none of an endpoint. */
export function faultOf(error: unknown): Fault | undefined {
  if (!(error instanceof Error)) return undefined;
  const { name, statusCode, cause } = error as CallError;
  if (name === 'AI_InvalidResponseDataError' || name === 'AI_NoOutputGeneratedError') return 'empty';
  if (name !== 'AI_APICallError') return undefined;
  if (statusCode === undefined) return 'connection';
  if (statusCode === 429) return 'rate limit';
  if (statusCode === 408 || statusCode >= 500) return 'server error';
  if (statusCode >= 400) return 'refused';
  // A whole body that is no JSON, or other JSON, has the parser's error as its cause; a body that broke off, the socket's.
  const parsed = ['AI_JSONParseError', 'AI_TypeValidationError'].includes((cause as Error | undefined)?.name ?? '');
  return parsed || cause === undefined ? 'malformed' : 'half an answer';
}

/**
 * The same error in our words, without its cause: the library's error holds headers and bodies, which may hold the key.
 *
 * @param error one that `faultOf` knows.
 */
export function endpointError(error: unknown, redact: (text: string) => string, where: string): ChatModelError {
  const fault = faultOf(error)!;
  const { message, statusCode: status, responseHeaders, cause } = error as CallError;
  const words = redact(message);
  const root = (cause as { code?: unknown } | undefined)?.code;
  const said: Record<Fault, string> = {
    'rate limit': `too many requests (429): ${words}.`,
    'server error': `the server failed (${status}): ${words}.`,
    'time-out': words,
    connection: `no connection${typeof root === 'string' ? ` (${root})` : ''}: ${words}.`,
    'half an answer': 'the connection ended in the middle of the answer.',
    malformed: `the answer is not the JSON of a chat completion (status ${status}).`,
    empty: 'the answer has no choice in it.',
    refused: `the server refused the request (${status}): ${words}.`,
  };
  const hint = status === 401 || status === 403 ? 'Check the API key.' : undefined;
  return new ChatModelError(fault, said[fault], {
    where,
    status,
    retryAfterMs: retryAfterMs(responseHeaders?.['retry-after']),
    ...(hint === undefined ? {} : { hint }),
  });
}
