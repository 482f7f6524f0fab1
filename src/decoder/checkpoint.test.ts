import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { fixture, tinyGguf, tinySafetensors } from '../../test/fixtures/tiny-models/tiny-model.js';
import { CorruptFileError, InvalidInputError, NotFoundError } from '../errors.js';
import type { ModelFiles } from '../models/index.js';
import { openCheckpoint } from './checkpoint.js';
import { expectedTensors } from './checkpoint-tensors.js';
import { writeSafetensors } from './formats/safetensors-writer.js';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'checkpoint-'));
});
afterAll(() => rm(folder, { recursive: true }));

/** Every tensor of a checkpoint by name. */
async function readAll(files: ModelFiles): Promise<Map<string, Float32Array>> {
  const checkpoint = await openCheckpoint(files);
  const weights = new Map<string, Float32Array>();
  for (const name of checkpoint.names) weights.set(name, await checkpoint.read(name));
  await checkpoint.close();
  return weights;
}

/** The largest difference between two checkpoints, relative to the largest weight of each tensor. */
function largestDifference(a: Map<string, Float32Array>, b: Map<string, Float32Array>): number {
  expect([...a.keys()]).toEqual([...b.keys()]);
  let worst = 0;
  for (const [name, weights] of a) {
    const others = b.get(name)!;
    expect(others.length).toBe(weights.length);
    const scale = weights.reduce((most, weight) => Math.max(most, Math.abs(weight)), 0);
    weights.forEach((weight, i) => {
      worst = Math.max(worst, Math.abs(weight - others[i]!) / scale);
    });
  }
  return worst;
}

describe('tiny models', () => {
  test.each(['tiny_llama', 'tiny_mistral', 'tiny_qwen2', 'tiny_qwen3', 'tiny_smollm2'])('%s opens', async (name) => {
    const checkpoint = await openCheckpoint(tinySafetensors(name));
    const expected = [...expectedTensors(checkpoint.config)];
    expect(checkpoint.names).toEqual(expected.map(([tensor]) => tensor));
    for (const [tensor, shape] of expected) {
      expect(checkpoint.shape(tensor)).toEqual(shape);
      const weights = await checkpoint.read(tensor);
      expect(weights.length).toBe(shape.reduce((a, b) => a * b));
      expect(weights.every(Number.isFinite)).toBe(true);
    }
    expect(checkpoint.sha256).toBe(`sha256 of ${name}`);
    expect(checkpoint.tokenizer.encode('bad</s>')).toEqual([3, 2, 5, 0, 0, 0, 0]);
    expect(checkpoint.tokenizer.endOfText).toBe(1);
    await checkpoint.close();
  });

  test('values are those of the file', async () => {
    const weights = await readAll(tinySafetensors('tiny_llama'));
    const bytes = await readFile(fixture('tiny_llama.safetensors'));
    const headerBytes = Number(bytes.readBigUInt64LE(0));
    const header = JSON.parse(bytes.subarray(8, 8 + headerBytes).toString());
    const name = 'model.layers.1.mlp.down_proj.weight';
    const [begin, end] = header[name].data_offsets;
    const expected = Array.from({ length: (end - begin) / 4 }, (_, i) =>
      bytes.readFloatLE(8 + headerBytes + begin + 4 * i),
    );
    expect([...weights.get(name)!]).toEqual(expected);
  });

  test('shards hold the same as one file, in any order', async () => {
    const shards = ['tiny_llama-00002-of-00002.safetensors', 'tiny_llama-00001-of-00002.safetensors'];
    const [single, sharded] = await Promise.all([
      readAll(tinySafetensors('tiny_llama')),
      readAll(tinySafetensors('tiny_llama', shards)),
    ]);
    expect(sharded).toEqual(single);
  });

  // Half an ulp of each format, relative to the largest weight: 2^-11 for F16, 2^-8 for BF16, 1/254 for Q8_0.
  test.each([
    ['tiny_llama_f32', 'tiny_llama', 0],
    ['tiny_llama_f16', 'tiny_llama', 2 ** -11],
    ['tiny_llama_bf16', 'tiny_llama', 2 ** -8],
    ['tiny_llama_q8', 'tiny_llama_q8', 1 / 254 + 2 ** -11],
    ['tiny_qwen2', 'tiny_qwen2', 0],
    ['tiny_qwen3', 'tiny_qwen3', 0],
  ])('%s.gguf agrees with the safetensors', async (gguf, safetensors, tolerance) => {
    const difference = largestDifference(await readAll(tinySafetensors(safetensors)), await readAll(tinyGguf(gguf)));
    expect(difference).toBeLessThanOrEqual(tolerance);
    if (tolerance > 0) expect(difference).toBeGreaterThan(0);
  });

  test.each([
    ['tiny_llama_f32', 'tiny_llama'],
    ['tiny_qwen2', 'tiny_qwen2'],
    ['tiny_qwen3', 'tiny_qwen3'],
  ])('%s.gguf has the settings of config.json', async (gguf, safetensors) => {
    const [a, b] = await Promise.all([openCheckpoint(tinyGguf(gguf)), openCheckpoint(tinySafetensors(safetensors))]);
    expect({ ...a.config, rmsNormEpsilon: 0 }).toEqual({ ...b.config, rmsNormEpsilon: 0 });
    expect(a.config.rmsNormEpsilon).toBeCloseTo(b.config.rmsNormEpsilon, 10);
    await Promise.all([a.close(), b.close()]);
  });

  test("Llama 3's rotary scaling is recovered from a GGUF's divisors", async () => {
    const checkpoint = await openCheckpoint(tinyGguf('tiny_llama3'));
    expect(checkpoint.config.ropeScaling).toEqual({
      type: 'llama3',
      factor: 8,
      lowFrequencyFactor: 1,
      highFrequencyFactor: 4,
      originalMaxPositions: 8192,
    });
    expect(checkpoint.names).not.toContain('rope_freqs.weight');
    await checkpoint.close();
  });
});

describe('models that do not fit together', () => {
  /** tiny_llama with another set of tensors. */
  async function withTensors(change: (tensors: Map<string, { shape: number[]; data: Float32Array }>) => void) {
    const source = await openCheckpoint(tinySafetensors('tiny_llama'));
    const tensors = new Map<string, { shape: number[]; data: Float32Array }>();
    for (const name of source.names) {
      tensors.set(name, { shape: [...source.shape(name)], data: await source.read(name) });
    }
    await source.close();
    change(tensors);
    const path = join(folder, 'changed.safetensors');
    await writeSafetensors(
      path,
      [...tensors].map(([name, { shape, data }]) => ({ name, shape, data: () => data })),
    );
    return openCheckpoint({ ...tinySafetensors('tiny_llama'), weights: [path] } as ModelFiles);
  }

  test('a missing tensor is named', async () => {
    const opening = withTensors((tensors) => tensors.delete('model.layers.1.mlp.up_proj.weight'));
    await expect(opening).rejects.toThrow(CorruptFileError);
    await expect(opening).rejects.toThrow(/tensor "model\.layers\.1\.mlp\.up_proj\.weight": is missing/);
  });

  test('a missing shard names its first tensor', async () => {
    const opening = openCheckpoint(tinySafetensors('tiny_llama', ['tiny_llama-00001-of-00002.safetensors']));
    await expect(opening).rejects.toThrow(/tensor "model\.layers\.1\..*is missing/);
  });

  test('the same shard twice is refused', async () => {
    const shard = 'tiny_llama-00001-of-00002.safetensors';
    await expect(openCheckpoint(tinySafetensors('tiny_llama', [shard, shard]))).rejects.toThrow(/is in .* too/);
  });

  test('a tensor of another shape is named with both shapes', async () => {
    const opening = withTensors((tensors) =>
      tensors.set('model.norm.weight', { shape: [4], data: new Float32Array(4) }),
    );
    await expect(opening).rejects.toThrow(/"model\.norm\.weight": has shape \[4\], but the settings ask for \[8\]/);
  });

  test('a tensor that the decoder would leave out is refused', async () => {
    const opening = withTensors((tensors) =>
      tensors.set('model.layers.0.self_attn.o_proj.bias', { shape: [8], data: new Float32Array(8) }),
    );
    await expect(opening).rejects.toThrow(InvalidInputError);
    await expect(opening).rejects.toThrow(/o_proj\.bias": is not part of a decoder of this family/);
  });

  test('a GGUF of another architecture is refused by name', async () => {
    await expect(openCheckpoint(tinyGguf('tiny_kquant'))).rejects.toThrow(/general\.architecture.*"kquanttest"/);
  });

  test('a file that is not there is named', async () => {
    await expect(openCheckpoint(tinyGguf('no-such-model'))).rejects.toThrow(NotFoundError);
    await expect(openCheckpoint(tinySafetensors('no-such-model'))).rejects.toThrow(/no-such-model_config\.json/);
  });

  test('a tokenizer.json that is not JSON is named', async () => {
    const path = join(folder, 'tokenizer.json');
    await writeFile(path, '{ "model": ');
    const opening = openCheckpoint({ ...tinySafetensors('tiny_llama'), tokenizer: path } as ModelFiles);
    await expect(opening).rejects.toThrow(/tokenizer\.json: is not JSON/);
  });
});
