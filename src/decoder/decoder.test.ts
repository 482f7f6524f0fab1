import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { tinyGguf, tinySafetensors } from '../../test/fixtures/tiny-models/tiny-model.js';
import { referenceLogits } from '../../test/support/reference-decoder.js';
import { InvalidInputError } from '../errors.js';
import type { ModelFiles } from '../models/index.js';
import { randomWeights, TINY_CONFIG } from '../testing/index.js';
import { openCheckpoint } from './checkpoint.js';
import type { DecoderConfig } from './config.js';
import { Decoder } from './decoder.js';
import type { NumericMode } from './linear.js';
import type { WeightSource } from './weights.js';

async function withDecoder<T>(weights: WeightSource, use: (d: Decoder) => Promise<T>, mode: NumericMode = 'fp32') {
  const decoder = await Decoder.load(weights, { mode, threads: 1 });
  try {
    return await use(decoder);
  } finally {
    await decoder.close();
  }
}

/** Logits `[sequence][vocabulary]` of each row, read in pieces of the given sizes. */
async function logitsOf(decoder: Decoder, rows: number[][], pieces: number[][]): Promise<Float32Array[][]> {
  const cache = decoder.createCache(rows.length);
  const done: Float32Array[][] = rows.map(() => []);
  for (let piece = 0; piece < pieces[0]!.length; piece++) {
    const part = rows.map((row, i) => row.slice(cache.lengths[i]!, cache.lengths[i]! + pieces[i]![piece]!));
    const logitsAt = part.flatMap((tokens, i) => tokens.map((_, t) => [i, t] as const));
    const { logits } = await decoder.forward(part, cache, { logitsAt });
    for (const [at, [i]] of logitsAt.entries()) done[i]!.push(logits[at]!);
  }
  return done;
}

function largestDifference(a: readonly ArrayLike<number>[], b: readonly ArrayLike<number>[]): number {
  expect(a.length).toBe(b.length);
  let worst = 0;
  for (const [t, row] of a.entries()) {
    expect(row.length).toBe(b[t]!.length);
    for (let i = 0; i < row.length; i++) worst = Math.max(worst, Math.abs(row[i]! - b[t]![i]!));
  }
  return worst;
}

interface Fixture {
  sequences: number[][];
  logits: number[][][];
}

const fixture = (name: string): Fixture =>
  JSON.parse(readFileSync(new URL(`../../test/fixtures/tiny-models/${name}_logits.json`, import.meta.url), 'utf8'));

const shards = ['00001', '00002'].map((part) => `tiny_llama-${part}-of-00002.safetensors`);

describe('fixtures with expected logits', () => {
  test.each<[string, string, ModelFiles]>([
    ['llama', 'tiny_llama', tinySafetensors('tiny_llama')],
    ['llama in two shards', 'tiny_llama', tinySafetensors('tiny_llama', shards)],
    ['llama as GGUF', 'tiny_llama', tinyGguf('tiny_llama_f32')],
    ['mistral with its sliding window', 'tiny_mistral', tinySafetensors('tiny_mistral')],
    ['qwen2 with biases', 'tiny_qwen2', tinySafetensors('tiny_qwen2')],
    ['qwen3 with normed queries and keys', 'tiny_qwen3', tinySafetensors('tiny_qwen3')],
    ['smollm2 with a tied head', 'tiny_smollm2', tinySafetensors('tiny_smollm2')],
  ])('%s', async (_, name, files) => {
    const { sequences, logits } = fixture(name);
    const checkpoint = await openCheckpoint(files);
    await withDecoder(checkpoint, async (decoder) => {
      const whole = await logitsOf(
        decoder,
        sequences,
        sequences.map(({ length }) => [length]),
      );
      for (const [i, expected] of logits.entries()) expect(largestDifference(whole[i]!, expected)).toBeLessThan(1e-5);
      // The same through the cache: rows of different length first, then token by token.
      const pieces = sequences.map(({ length }, i) => [length - 4 - i, ...new Array(4).fill(1)]);
      const stepped = await logitsOf(decoder, sequences, pieces);
      for (const [i, rows] of stepped.entries()) {
        expect(largestDifference(rows, logits[i]!.slice(0, rows.length))).toBeLessThan(1e-5);
      }
    });
    await checkpoint.close();
  });
});

const wide: DecoderConfig = { ...TINY_CONFIG, vocabularySize: 40 };

const llama3Scaling = {
  type: 'llama3',
  factor: 8,
  lowFrequencyFactor: 1,
  highFrequencyFactor: 4,
  originalMaxPositions: 32,
} as const;

const row = (length: number, seed: number) => Array.from({ length }, (_, i) => (i * 7 + seed * 13 + 3) % 40);

describe('against plain loops in double precision', () => {
  test.each<[string, Partial<DecoderConfig>]>([
    ['fused attention', {}],
    ['fused attention, untied head', { tiedEmbeddings: false }],
    ['fused attention, biases', { attentionBias: true }],
    ['fused attention, normed queries and keys', { queryKeyNorm: true }],
    ['fused attention, sliding window', { slidingWindow: 5 }],
    ['fused attention, Llama 3 rotary scaling', { ropeScaling: llama3Scaling }],
    ['fused attention, linear rotary scaling', { ropeScaling: { type: 'linear', factor: 2 } }],
    ['plain attention, one head each', { headSize: 6, heads: 2 }],
    ['plain attention, normed queries and keys, window', { headSize: 6, queryKeyNorm: true, slidingWindow: 4 }],
  ])('%s', async (_, change) => {
    const weights = randomWeights({ ...wide, ...change }, 1);
    const rows = [row(40, 0), row(9, 1), row(23, 2)];
    await withDecoder(weights, async (decoder) => {
      const whole = await logitsOf(
        decoder,
        rows,
        rows.map(({ length }) => [length]),
      );
      const stepped = await logitsOf(decoder, rows, [
        [36, 1, 1, 1, 1],
        [5, 1, 1, 1, 1],
        [19, 1, 1, 1, 1],
      ]);
      for (const [i, ids] of rows.entries()) {
        const expected = await referenceLogits(weights, ids);
        expect(largestDifference(whole[i]!, expected)).toBeLessThan(2e-5);
        expect(largestDifference(stepped[i]!, expected)).toBeLessThan(2e-5);
      }
    });
  });

  test('a single row continues by several tokens at once', async () => {
    const weights = randomWeights(wide, 1);
    const ids = row(20, 4);
    await withDecoder(weights, async (decoder) => {
      const [pieces] = await logitsOf(decoder, [ids], [[7, 2, 11]]);
      expect(largestDifference(pieces!, await referenceLogits(weights, ids))).toBeLessThan(2e-5);
    });
  });

  test.each<[NumericMode, number]>([
    // Relative to the spread of the logits; the weights are random, the worst case for few bits.
    ['int8', 0.05],
    ['int4', 0.4],
  ])('%s is an approximation', async (mode, tolerance) => {
    const weights = randomWeights(wide, 1);
    const ids = row(20, 4);
    await withDecoder(
      weights,
      async (decoder) => {
        const [logits] = await logitsOf(decoder, [ids], [[15, 1, 1, 1, 1, 1]]);
        const expected = await referenceLogits(weights, ids);
        const spread = Math.max(...expected.flat()) - Math.min(...expected.flat());
        const difference = largestDifference(logits!, expected);
        expect(difference).toBeGreaterThan(0);
        expect(difference / spread).toBeLessThan(tolerance);
      },
      mode,
    );
  });
});

describe('batches', () => {
  test('in fp32 a row is equal to the last bit whatever shares its batch', async () => {
    await withDecoder(randomWeights(wide, 1), async (decoder) => {
      const rows = [row(40, 0), row(9, 1), row(23, 2), row(23, 3)];
      const together = await logitsOf(
        decoder,
        rows,
        rows.map(({ length }) => [length - 3, 1, 1, 1]),
      );
      for (const [i, ids] of rows.entries()) {
        const [alone] = await logitsOf(decoder, [ids], [[ids.length - 3, 1, 1, 1]]);
        expect(largestDifference(alone!, together[i]!)).toBe(0);
      }
    });
  });

  test('rows can be dropped, reordered and copied between steps', async () => {
    const weights = randomWeights(wide, 1);
    await withDecoder(weights, async (decoder) => {
      const cache = decoder.createCache(2);
      await decoder.forward([row(9, 1), row(35, 2)], cache);
      cache.select([1, 0, 1]);
      expect(cache.lengths).toEqual([35, 9, 35]);
      const logitsAt = [0, 1, 2].map((row) => [row, 0] as const);
      const { logits } = await decoder.forward([[1], [2], [3]], cache, { logitsAt });
      for (const [i, ids] of [
        [...row(35, 2), 1],
        [...row(9, 1), 2],
        [...row(35, 2), 3],
      ].entries()) {
        const expected = await referenceLogits(weights, ids);
        expect(largestDifference([logits[i]!], expected.slice(-1))).toBeLessThan(2e-5);
      }
    });
  });

  test('rows of another batch join a running one, and are equal to the last bit to what they are alone', async () => {
    await withDecoder(randomWeights(wide, 1), async (decoder) => {
      const alone = async (ids: number[]) => (await logitsOf(decoder, [ids], [[ids.length - 2, 1, 1]]))[0]!.slice(-2);
      const running = decoder.createCache(2);
      await decoder.forward([row(9, 1), row(35, 2)], running);
      const late = decoder.createCache(2);
      await decoder.forward([row(50, 3), row(4, 4)], late);
      running.join(late, [1, 0, 1]);
      expect(running.lengths).toEqual([9, 35, 4, 50, 4]);
      expect(late.lengths).toEqual([50, 4]);
      const logitsAt = [0, 1, 2, 3, 4].map((row) => [row, 0] as const);
      const first = await decoder.forward([[1], [2], [3], [4], [5]], running, { logitsAt });
      const second = await decoder.forward([[6], [7], [8], [9], [10]], running, { logitsAt });
      for (const [i, ids] of [
        [...row(9, 1), 1, 6],
        [...row(35, 2), 2, 7],
        [...row(4, 4), 3, 8],
        [...row(50, 3), 4, 9],
        [...row(4, 4), 5, 10],
      ].entries()) {
        expect([first.logits[i], second.logits[i]]).toEqual(await alone(ids));
      }
      const empty = decoder.createCache(0);
      empty.join(late, [0]);
      const { logits } = await decoder.forward([[4]], empty, { logitsAt: [[0, 0]] });
      expect(logits[0]).toEqual(first.logits[3]);
    });
  });

  test.each<[string, number[][], string]>([
    ['no tokens', [[1], []], 'row 1 has no tokens'],
    ['an unknown token', [[1], [40]], 'token id 40 is not in the vocabulary of 40'],
    ['a wrong number of rows', [[1]], 'the cache has 2 rows, got tokens for 1'],
    ['too many tokens', [[1], row(257, 0)], 'row 1 grows to 257 tokens, the model reads 256'],
  ])('%s is refused', async (_, rows, message) => {
    await withDecoder(randomWeights(wide, 1), async (decoder) => {
      const call = decoder.forward(rows, decoder.createCache(2));
      await expect(call).rejects.toThrow(InvalidInputError);
      await expect(call).rejects.toThrow(message);
    });
  });

  test('several rows with a filled cache continue by one token each', async () => {
    await withDecoder(randomWeights(wide, 1), async (decoder) => {
      const cache = decoder.createCache(2);
      await decoder.forward([[1], [2]], cache);
      await expect(decoder.forward([[1, 2], [3]], cache)).rejects.toThrow('continue by one token each');
    });
  });
});
