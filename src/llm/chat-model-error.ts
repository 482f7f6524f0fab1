import { O1Error, type O1ErrorDetails } from '../errors.js';
import type { TokenUsage } from './chat-model.js';

/**
 * What can be wrong with an answer:
 * - `rate limit` status 429
 * - `server error` status 408 or 5xx
 * - `time-out` no whole answer in time
 * - `connection` no connection
 * - `half an answer` the connection ended in the middle of the body
 * - `malformed` the body is not the JSON of a chat completion
 * - `empty` no choice in the answer, or one without text
 * - `refused` any other status: asking again would not help
 */
export const FAULTS = [
  'rate limit',
  'server error',
  'time-out',
  'connection',
  'half an answer',
  'malformed',
  'empty',
  'refused',
] as const;
export type Fault = (typeof FAULTS)[number];

/** A chat model gave no usable answer. */
export class ChatModelError extends O1Error {
  readonly fault: Fault;
  /** HTTP status, where there was one. */
  readonly status: number | undefined;
  /** What the server asked for by Retry-After. */
  readonly retryAfterMs: number | undefined;
  /** What the answer took all the same: hidden reasoning without a text is paid for too. */
  readonly usage: TokenUsage | undefined;

  constructor(
    fault: Fault,
    message: string,
    details: O1ErrorDetails & {
      readonly status?: number | undefined;
      readonly retryAfterMs?: number | undefined;
      readonly usage?: TokenUsage;
    } = {},
  ) {
    super(message, details);
    this.fault = fault;
    this.status = details.status;
    this.retryAfterMs = details.retryAfterMs;
    this.usage = details.usage;
  }

  /** The same request may well succeed later. */
  get isTransient(): boolean {
    return this.fault !== 'refused';
  }

  /** No other request will succeed either: the key or the address is wrong. */
  get isHopeless(): boolean {
    return this.fault === 'refused' && [401, 403, 404].includes(this.status ?? 0);
  }
}

/** The budget is spent; answers that are there stay. */
export class BudgetError extends O1Error {}
