import { hashIntegers, sampleToken, type TokenDistribution, tokenDistribution, uniform } from '../decoder/index.js';
import type { Sequences } from './sequence.js';
import type { ThinkingSettings } from './thinking-settings.js';

/** One thought being written: a row of a batch. */
export class ThoughtRow {
  readonly sample: number;
  readonly tokens: number[] = [];
  /** Tokens that are still to be read, in this order: the one drawn last, or `</s>` and `<emb>`. */
  unread: readonly number[] = [];
  finishReason: 'stop' | 'length' | undefined;
  readonly #settings: ThinkingSettings;
  readonly #sequences: Sequences;
  /** Key of the query's tokens for random numbers: they do not depend on what else is in the batch. */
  readonly #key: number;
  #sumOfLogProbabilities = 0;
  #closingStart = 0;

  constructor(sample: number, prompt: readonly number[], settings: ThinkingSettings, sequences: Sequences) {
    this.sample = sample;
    this.#key = hashIntegers(prompt);
    this.#settings = settings;
    this.#sequences = sequences;
  }

  /** Whether a token will be drawn after the coming step. */
  get draws(): boolean {
    return !this.finishReason && !this.#full;
  }

  /** Ended, and all of it read: the last hidden state is the thought's vector. */
  get closed(): boolean {
    return this.finishReason !== undefined && this.unread.length === 0;
  }

  /** Mean over the tokens; 0 where there are none. */
  get logProbability(): number {
    return this.tokens.length === 0 ? 0 : this.#sumOfLogProbabilities / this.tokens.length;
  }

  /** Time since the thought ended, in ms. */
  get closingMs(): number {
    return performance.now() - this.#closingStart;
  }

  /** Draws the next token from its logits; `undefined` where the thought ends. */
  draw(
    logits: Float32Array,
    { logNormaliser }: TokenDistribution = tokenDistribution(logits, this.#sequences.marks),
  ): number | undefined {
    const { marks, closing } = this.#sequences;
    const end = closing[0]!;
    const banned = this.#settings.ignoreEnd ? new Set([...marks, end]) : marks;
    const random = uniform(this.#settings.seed, this.#key, this.sample, this.tokens.length);
    const token = sampleToken(logits, this.#settings, random, banned);
    if (token === end) {
      this.#close('stop');
      return undefined;
    }
    this.#sumOfLogProbabilities += logits[token]! - logNormaliser;
    this.tokens.push(token);
    this.unread = [token];
    return token;
  }

  /** Notes that the first of the unread tokens were read. */
  read(count: number): void {
    this.unread = this.unread.slice(count);
    // The last token that fits has been read: the thought is closed as if it had ended by itself.
    if (!this.finishReason && this.#full) this.#close('length');
  }

  get #full(): boolean {
    return this.tokens.length === this.#settings.maxTokens;
  }

  #close(reason: 'stop' | 'length'): void {
    this.finishReason = reason;
    this.unread = this.#sequences.closing;
    this.#closingStart = performance.now();
  }
}
