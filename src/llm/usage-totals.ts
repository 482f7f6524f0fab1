import type { TokenUsage } from './chat-model.js';
import { FAULTS, type Fault } from './chat-model-error.js';

/** Prices in any one currency, for a million tokens. */
export interface TokenPrices {
  readonly prompt: number;
  readonly completion: number;
}

export interface UsageTotals {
  /** Requests sent, repetitions included. */
  readonly requests: number;
  readonly answers: number;
  /** Answers whose tokens the model did not count. */
  readonly estimatedAnswers: number;
  /** Tokens of unusable answers included, where the model counted them. */
  readonly promptTokens: number;
  readonly completionTokens: number;
  /** In the currency of the prices; `undefined` where no prices were given. */
  readonly cost: number | undefined;
  /** Answers that were not usable, by what was wrong. Kinds that did not occur are absent. */
  readonly faults: Partial<Record<Fault, number>>;
}

/** What tokens cost. */
export const costOf = (usage: TokenUsage, { prompt, completion }: TokenPrices): number =>
  (usage.promptTokens * prompt + usage.completionTokens * completion) / 1e6;

/** Adds up what a model was asked and what it answered. */
export class UsageCounter {
  readonly #prices: TokenPrices | undefined;
  readonly #faults = new Map<Fault, number>();
  #requests = 0;
  #answers = 0;
  #estimated = 0;
  #prompt = 0;
  #completion = 0;

  constructor(prices?: TokenPrices) {
    this.#prices = prices;
  }

  request(): void {
    this.#requests++;
  }

  answer(usage: TokenUsage): void {
    this.#answers++;
    if (usage.estimated) this.#estimated++;
    this.#add(usage);
  }

  /** @param usage tokens that the unusable answer took, where it says so. */
  fault(fault: Fault, usage?: TokenUsage): void {
    this.#faults.set(fault, (this.#faults.get(fault) ?? 0) + 1);
    if (usage) this.#add(usage);
  }

  #add({ promptTokens, completionTokens }: TokenUsage): void {
    this.#prompt += promptTokens;
    this.#completion += completionTokens;
  }

  get totals(): UsageTotals {
    const usage = { promptTokens: this.#prompt, completionTokens: this.#completion };
    return {
      requests: this.#requests,
      answers: this.#answers,
      estimatedAnswers: this.#estimated,
      ...usage,
      cost: this.#prices && costOf(usage, this.#prices),
      faults: Object.fromEntries(
        FAULTS.flatMap((name) => (this.#faults.has(name) ? [[name, this.#faults.get(name)]] : [])),
      ),
    };
  }
}
