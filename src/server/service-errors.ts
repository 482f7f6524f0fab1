import { O1Error } from '../errors.js';

/** Too many requests wait already. HTTP answers 429 with `Retry-After`. */
export class QueueFullError extends O1Error {
  /** Requests that wait. */
  readonly waiting: number;
  /** When to ask again, whole seconds from 1 up. */
  readonly retryAfterSeconds: number;

  constructor(waiting: number, retryAfterSeconds: number) {
    super(`${waiting} requests are waiting already.`, { hint: `Try again in ${retryAfterSeconds} s.` });
    this.waiting = waiting;
    this.retryAfterSeconds = retryAfterSeconds;
  }
}

/** The service stops, or has failed. HTTP answers 503. */
export class ServiceUnavailableError extends O1Error {}
