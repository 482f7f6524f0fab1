import type { Decoder } from './decoder.js';
import { hashIntegers, uniform } from './random.js';
import { checkSampling, type SamplingSettings, sampleToken } from './sampling.js';
import { SequenceBatch } from './sequence-batch.js';

export interface GenerationSettings extends SamplingSettings {
  /** At most this many new tokens. */
  readonly maxTokens: number;
  /** A token that ends its sequence; it is not part of the result. Default: none. */
  readonly stopTokens?: readonly number[];
  /** Tokens that are never drawn. Default: none. */
  readonly bannedTokens?: readonly number[];
  /** Continuations of each prompt, which share its prefill. Default 1. */
  readonly samples?: number;
  /** Default 0. The same seed gives the same tokens, whatever else is in the batch (in fp32). */
  readonly seed?: number;
  readonly signal?: AbortSignal;
  /** Called for each token as it is drawn. */
  readonly onToken?: (token: number, prompt: number, sample: number) => void;
}

export interface Generation {
  readonly tokens: readonly number[];
  /** `stop`: a stop token was drawn. `length`: `maxTokens` were. */
  readonly finishReason: 'stop' | 'length';
}

/** Continues each prompt of token ids; the result is by prompt, then by sample. */
export async function generate(
  decoder: Decoder,
  prompts: readonly (readonly number[])[],
  settings: GenerationSettings,
): Promise<Generation[][]> {
  checkSampling(settings);
  const { maxTokens, samples = 1, seed = 0, signal, onToken } = settings;
  const stop = new Set(settings.stopTokens);
  const banned = new Set(settings.bannedTokens);
  const { batch, output } = await SequenceBatch.prefill(decoder, prompts, {
    logitRows: [...prompts.keys()],
    signal,
  });
  const rows = prompts.flatMap((prompt, i) =>
    Array.from({ length: samples }, (_, sample) => ({
      prompt: i,
      sample,
      key: hashIntegers(prompt),
      tokens: [] as number[],
      finishReason: undefined as Generation['finishReason'] | undefined,
    })),
  );
  batch.select(rows.map((row) => row.prompt));
  let running = rows;
  let logits = rows.map(({ prompt }) => output.logits[prompt]!);
  while (running.length > 0) {
    running.forEach((row, i) => {
      const random = uniform(seed, row.key, row.sample, row.tokens.length);
      const token = sampleToken(logits[i]!, settings, random, banned);
      if (stop.has(token)) {
        row.finishReason = 'stop';
        return;
      }
      row.tokens.push(token);
      if (row.tokens.length === maxTokens) row.finishReason = 'length';
      onToken?.(token, row.prompt, row.sample);
    });
    const kept = running.flatMap((row, i) => (row.finishReason ? [] : [i]));
    running = kept.map((i) => running[i]!);
    if (running.length === 0) break;
    batch.select(kept);
    const tokens = running.map((row) => row.tokens.slice(-1));
    logits = [...(await batch.step(tokens, { logitRows: [...tokens.keys()], signal })).logits];
  }
  return prompts.map((_, prompt) =>
    rows
      .filter((row) => row.prompt === prompt)
      .map(({ tokens, finishReason }) => ({ tokens, finishReason: finishReason! })),
  );
}
