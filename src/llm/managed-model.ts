import PQueue from 'p-queue';
import { InvalidInputError } from '../errors.js';
import { LONGEST_RETRY_AFTER_MS, pause, retryWaitMs } from '../retry-wait.js';
import type { ChatAnswer, ChatModel, ChatRequest } from './chat-model.js';
import { BudgetError, ChatModelError } from './chat-model-error.js';
import { type TokenPrices, UsageCounter, type UsageTotals } from './usage-totals.js';

export interface Budget {
  /** Prompt and completion tokens together. */
  readonly tokens?: number | undefined;
  /** In the currency of the prices. */
  readonly money?: number | undefined;
}

export interface ManagedModelSettings {
  /** Requests under way at once. Default 4. */
  readonly concurrency?: number | undefined;
  /** Default: no limit. */
  readonly requestsPerMinute?: number | undefined;
  /** Times that a request is sent at most. Default 6: with the waits below, half a minute of trouble is bridged. */
  readonly attempts?: number | undefined;
  /** Wait before the second attempt; doubled with each, and drawn between half of it and all of it. Default 1 s. */
  readonly firstWaitMs?: number | undefined;
  /** When it is spent, nothing more is asked. What is under way then is still waited for, and paid. Default: none. */
  readonly budget?: Budget | undefined;
  /** For a million tokens. Default: none, and then no budget of money is possible. */
  readonly prices?: TokenPrices | undefined;
  /** Told of each fault that is followed by another attempt. */
  readonly onRetry?: ((error: ChatModelError, waitMs: number) => void) | undefined;
}

/**
 * Any chat model, asked with care: no more at once and a minute than allowed, again after what may pass, never beyond the
 * budget, and all of it counted.
 */
export class ManagedModel implements ChatModel {
  readonly name: string;
  readonly concurrency: number;
  readonly #model: ChatModel;
  readonly #settings: ManagedModelSettings;
  readonly #attempts: number;
  readonly #queue: PQueue;
  readonly #usage: UsageCounter;
  /** Requests are evenly spread: a burst at the start of each minute would meet the server's own limit. */
  readonly #intervalMs: number;
  /** On the clock of `performance.now()`, as the next one. */
  #nextRequestAt = 0;
  /** Where a server said when to come back, nobody asks before this time. */
  #pausedUntil = 0;

  constructor(model: ChatModel, settings: ManagedModelSettings = {}) {
    const { concurrency = 4, requestsPerMinute, attempts = 6, budget, prices } = settings;
    for (const [name, value] of Object.entries({ concurrency, attempts, requestsPerMinute: requestsPerMinute ?? 1 })) {
      if (!(Number.isInteger(value) && value >= 1)) {
        throw new InvalidInputError(`${name} must be a whole number from 1 up, got ${value}.`);
      }
    }
    if (budget?.money !== undefined && !prices) {
      throw new InvalidInputError('a budget of money needs the prices of a million tokens.');
    }
    this.name = model.name;
    this.concurrency = concurrency;
    this.#model = model;
    this.#settings = settings;
    this.#attempts = attempts;
    this.#queue = new PQueue({ concurrency });
    this.#intervalMs = requestsPerMinute === undefined ? 0 : 60_000 / requestsPerMinute;
    this.#usage = new UsageCounter(prices);
  }

  get totals(): UsageTotals {
    return this.#usage.totals;
  }

  /** @throws BudgetError when the budget is spent, ChatModelError when the last attempt failed too. */
  async complete(request: ChatRequest): Promise<ChatAnswer> {
    const { firstWaitMs = 1000, onRetry } = this.#settings;
    for (let attempt = 1; ; attempt++) {
      try {
        return (await this.#queue.add(() => this.#ask(request)))!;
      } catch (error) {
        if (!(error instanceof ChatModelError)) throw error;
        if (!error.isTransient || attempt >= this.#attempts) throw error;
        const wait = retryWaitMs(attempt, firstWaitMs, error.retryAfterMs);
        if (wait === undefined) throw error;
        onRetry?.(error, wait);
        await pause(wait, request.signal);
      }
    }
  }

  async #ask(request: ChatRequest): Promise<ChatAnswer> {
    await this.#turn(request.signal);
    this.#assertBudget();
    this.#usage.request();
    try {
      const answer = await this.#model.complete(request);
      this.#usage.answer(answer.usage);
      return answer;
    } catch (error) {
      if (error instanceof ChatModelError) {
        this.#usage.fault(error.fault, error.usage);
        const { retryAfterMs = 0 } = error;
        // Before the queue starts the next request. Where the server asks for too much, the others are to learn so at once.
        if (retryAfterMs <= LONGEST_RETRY_AFTER_MS) {
          this.#pausedUntil = Math.max(this.#pausedUntil, performance.now() + retryAfterMs);
        }
      }
      throw error;
    }
  }

  /** Waits for the rate limit and for what a server has asked for. Not left to the queue: an abort would have to wait there too. */
  async #turn(signal: AbortSignal | undefined): Promise<void> {
    do {
      const at = Math.max(performance.now(), this.#nextRequestAt, this.#pausedUntil);
      this.#nextRequestAt = at + this.#intervalMs;
      await pause(at - performance.now(), signal);
      // A pause that has begun meanwhile holds for this request too.
    } while (this.#pausedUntil > performance.now());
  }

  #assertBudget(): void {
    const { budget } = this.#settings;
    const { promptTokens, completionTokens, cost = 0 } = this.#usage.totals;
    const tokens = promptTokens + completionTokens;
    const hint = 'What was answered is kept: run the same command again to go on.';
    if (tokens >= (budget?.tokens ?? Number.POSITIVE_INFINITY)) {
      throw new BudgetError(`the budget of ${budget!.tokens} tokens is spent (${tokens}).`, { hint });
    }
    if (cost >= (budget?.money ?? Number.POSITIVE_INFINITY)) {
      throw new BudgetError(`the budget of ${budget!.money} is spent (${cost.toFixed(4)}).`, { hint });
    }
  }
}
