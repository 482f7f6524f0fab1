import { afterAll, beforeAll, expect, test } from 'vitest';
import { randomWeights, TINY_CONFIG } from '../testing/index.js';
import { Decoder } from './decoder.js';
import { type GenerationSettings, generate } from './generate.js';

let decoder: Decoder;
beforeAll(async () => {
  const weights = randomWeights({ ...TINY_CONFIG, vocabularySize: 50, tiedEmbeddings: false }, 3);
  decoder = await Decoder.load(weights, { mode: 'fp32', threads: 1 });
});
afterAll(() => decoder?.close());

/** The only continuation of the only prompt. */
const single = async (prompt: number[], settings: GenerationSettings) =>
  (await generate(decoder, [prompt], settings))[0]![0]!;

const prompts = [
  [1, 2, 3, 4, 5, 6, 7],
  [8, 9],
  [10, 11, 12],
];

test('greedy continuation is that of reading the whole text anew for each token', async () => {
  const generation = await single(prompts[0]!, { maxTokens: 12 });
  const text = [...prompts[0]!];
  for (let i = 0; i < 12; i++) {
    const [logits] = (await decoder.encode([text], { logitsAt: [[0, text.length - 1]] })).logits;
    text.push(logits!.indexOf(Math.max(...logits!)));
  }
  expect(generation.tokens).toEqual(text.slice(7));
});

test('the same seed gives the same samples, in any batch; another seed gives others', async () => {
  const settings = { maxTokens: 10, temperature: 1, samples: 3, seed: 5 };
  const together = await generate(decoder, prompts, settings);
  expect(await generate(decoder, prompts, settings)).toEqual(together);
  for (const [i, prompt] of prompts.entries()) {
    expect(await generate(decoder, [prompt], settings)).toEqual([together[i]]);
  }
  expect(await generate(decoder, prompts, { ...settings, seed: 6 })).not.toEqual(together);
  const texts = together.flat().map(({ tokens }) => tokens.join());
  expect(new Set(texts).size).toBe(9);
});

test('stop tokens end a sequence and are not part of it; the others go on', async () => {
  const free = await generate(decoder, prompts, { maxTokens: 8 });
  const stop = free[1]![0]!.tokens[3]!;
  const stopped = await generate(decoder, prompts, { maxTokens: 8, stopTokens: [stop] });
  for (const [i, [generation]] of stopped.entries()) {
    const { tokens } = free[i]![0]!;
    const at = tokens.indexOf(stop);
    expect(generation).toEqual(
      at < 0 ? { tokens, finishReason: 'length' } : { tokens: tokens.slice(0, at), finishReason: 'stop' },
    );
  }
  expect(stopped[1]![0]!.finishReason).toBe('stop');
});

test('banned tokens are not written, and tokens are reported as they are drawn', async () => {
  const free = await single([8, 9], { maxTokens: 6 });
  const seen: number[] = [];
  const bannedTokens = [free.tokens[0]!];
  const other = await single([8, 9], { maxTokens: 6, bannedTokens, onToken: (token) => seen.push(token) });
  expect(other.tokens).not.toContain(bannedTokens[0]);
  expect(seen).toEqual(other.tokens);
});

test('an abort stops between two tokens', async () => {
  const controller = new AbortController();
  let tokens = 0;
  const call = generate(decoder, [[8, 9]], {
    maxTokens: 40,
    signal: controller.signal,
    onToken: () => {
      if (++tokens === 3) controller.abort();
    },
  });
  await expect(call).rejects.toThrow(expect.objectContaining({ name: 'AbortError' }));
  expect(tokens).toBe(3);
});
