import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { fixture } from '../../test/fixtures/tiny-models/tiny-model.js';
import { CorruptFileError, InvalidInputError } from '../errors.js';
import { configFromGguf, llama3Divisors } from './config-gguf.js';
import { configFromJson } from './config-json.js';
import type { Gguf, GgufValue } from './formats/gguf.js';

const tiny = (name: string) => JSON.parse(readFileSync(fixture(`${name}_config.json`), 'utf8'));

/** tiny_llama's config.json with some fields changed; undefined removes one. */
const from = (changes: Record<string, unknown>, base = 'tiny_llama') =>
  configFromJson(JSON.stringify({ ...tiny(base), ...changes }), 'config.json');

describe('config.json', () => {
  test('llama', () => {
    expect(from({})).toEqual({
      family: 'llama',
      hiddenSize: 8,
      intermediateSize: 12,
      layers: 2,
      heads: 2,
      keyValueHeads: 1,
      headSize: 4,
      vocabularySize: 11,
      maxPositions: 16,
      rmsNormEpsilon: 1e-5,
      ropeTheta: 10000,
      ropeScaling: undefined,
      tiedEmbeddings: false,
      attentionBias: false,
      queryKeyNorm: false,
      slidingWindow: undefined,
    });
  });

  test('what the families differ in', () => {
    expect(from({}, 'tiny_qwen2')).toMatchObject({ family: 'qwen2', attentionBias: true, queryKeyNorm: false });
    expect(from({}, 'tiny_qwen3')).toMatchObject({
      family: 'qwen3',
      attentionBias: false,
      queryKeyNorm: true,
      headSize: 6,
    });
    expect(from({}, 'tiny_mistral')).toMatchObject({ family: 'mistral', slidingWindow: 4 });
    expect(from({}, 'tiny_smollm2')).toMatchObject({ family: 'llama', tiedEmbeddings: true, ropeTheta: 100000 });
  });

  test('fields that older files leave out have the defaults of transformers', () => {
    const absent = {
      rms_norm_eps: undefined,
      rope_theta: undefined,
      tie_word_embeddings: undefined,
      num_key_value_heads: undefined,
    };
    expect(from(absent)).toMatchObject({
      rmsNormEpsilon: 1e-6,
      ropeTheta: 10000,
      tiedEmbeddings: false,
      keyValueHeads: 2,
    });
  });

  test('rotary scaling, in the old and the new spelling', () => {
    const llama3 = {
      factor: 32,
      low_freq_factor: 1,
      high_freq_factor: 4,
      original_max_position_embeddings: 8192,
      rope_type: 'llama3',
    };
    const scaling = {
      type: 'llama3',
      factor: 32,
      lowFrequencyFactor: 1,
      highFrequencyFactor: 4,
      originalMaxPositions: 8192,
    };
    expect(from({ rope_scaling: llama3 }).ropeScaling).toEqual(scaling);
    const renewed = from({
      rope_scaling: undefined,
      rope_theta: undefined,
      rope_parameters: { ...llama3, rope_theta: 500000 },
    });
    expect(renewed).toMatchObject({ ropeScaling: scaling, ropeTheta: 500000 });
    expect(from({ rope_scaling: { type: 'linear', factor: 2 } }).ropeScaling).toEqual({ type: 'linear', factor: 2 });
    expect(from({ rope_parameters: { rope_type: 'default', rope_theta: 1e6 } }).ropeScaling).toBeUndefined();
  });

  test('a sliding window counts only where the model uses it', () => {
    const qwen = { sliding_window: 4, max_window_layers: 0 };
    expect(from({ ...qwen, use_sliding_window: false }, 'tiny_qwen2').slidingWindow).toBeUndefined();
    expect(from({ ...qwen, use_sliding_window: true }, 'tiny_qwen2').slidingWindow).toBe(4);
    expect(
      from({ ...qwen, use_sliding_window: true, max_window_layers: 2 }, 'tiny_qwen2').slidingWindow,
    ).toBeUndefined();
    expect(from({ sliding_window: null }, 'tiny_mistral').slidingWindow).toBeUndefined();
    expect(from({ sliding_window: 4 }).slidingWindow).toBeUndefined();
    expect(from({ layer_types: ['full_attention', 'full_attention'] }, 'tiny_mistral').slidingWindow).toBeUndefined();
  });

  test.each<[Record<string, unknown>, string, RegExp]>([
    [{ model_type: 'gemma3' }, 'tiny_llama', /config\.json: model_type: model type "gemma3" is not supported/],
    [{ hidden_act: 'gelu' }, 'tiny_llama', /config\.json: hidden_act: activation "gelu"/],
    [{ attention_bias: true }, 'tiny_llama', /config\.json: attention_bias: /],
    [{ attention_bias: true }, 'tiny_qwen3', /config\.json: attention_bias: /],
    [{ mlp_bias: true }, 'tiny_llama', /config\.json: mlp_bias: /],
    [{ partial_rotary_factor: 0.5 }, 'tiny_llama', /config\.json: partial_rotary_factor: /],
    [{ quantization_config: { bits: 4 } }, 'tiny_llama', /config\.json: quantization_config: /],
    [{ rope_scaling: { type: 'yarn', factor: 4 } }, 'tiny_llama', /config\.json: rope_scaling\.rope_type: .*"yarn"/],
    [
      { use_sliding_window: true, sliding_window: 4, max_window_layers: 1 },
      'tiny_qwen2',
      /max_window_layers: .* 1 of 2 layers/,
    ],
    [
      { sliding_window: 4, layer_types: ['full_attention', 'sliding_attention'] },
      'tiny_qwen3',
      /layer_types: .* 1 of 2/,
    ],
  ])('%j of %s is refused by name', (changes, base, message) => {
    expect(() => from(changes, base)).toThrow(InvalidInputError);
    expect(() => from(changes, base)).toThrow(message);
  });

  test.each<[Record<string, unknown>, RegExp]>([
    [{ hidden_size: undefined }, /config\.json: hidden_size: /],
    [{ num_hidden_layers: -1 }, /config\.json: num_hidden_layers: /],
    [{ vocab_size: 1.5 }, /config\.json: vocab_size: /],
    [{ num_key_value_heads: 3 }, /config\.json: num_key_value_heads: 2 attention heads are no multiple of 3/],
    [{ head_dim: 3 }, /config\.json: head_dim: head size 3 is no even number/],
    [{ hidden_size: 9 }, /config\.json: hidden_size: head size 4\.5 is no even number/],
    [{ rope_scaling: { rope_type: 'llama3', factor: 8 } }, /config\.json: rope_scaling\.low_freq_factor: is missing/],
    [{ rope_scaling: { type: 'linear' } }, /config\.json: rope_scaling\.factor: is missing/],
  ])('%j is named', (changes, message) => {
    expect(() => from(changes)).toThrow(CorruptFileError);
    expect(() => from(changes)).toThrow(message);
  });

  test('what is not JSON', () => {
    expect(() => configFromJson('{', 'config.json')).toThrow(/config\.json: content: is not JSON/);
    expect(() => configFromJson('[]', 'config.json')).toThrow(/config\.json: content: /);
  });
});

describe('GGUF metadata', () => {
  const metadata: Record<string, GgufValue> = {
    'general.architecture': 'llama',
    'llama.block_count': 2,
    'llama.context_length': 16,
    'llama.embedding_length': 32,
    'llama.feed_forward_length': 48,
    'llama.attention.head_count': 2,
    'llama.attention.head_count_kv': 1,
    'llama.attention.layer_norm_rms_epsilon': 1e-5,
    'llama.rope.freq_base': 500000,
    'llama.rope.dimension_count': 16,
    'tokenizer.ggml.tokens': ['a', 'b'],
  };
  const open = (changes: Record<string, GgufValue | undefined>, divisors?: readonly number[]) => {
    const entries = Object.entries({ ...metadata, ...changes }).filter(
      (entry): entry is [string, GgufValue] => entry[1] !== undefined,
    );
    const names = divisors ? ['output.weight', 'rope_freqs.weight'] : ['output.weight'];
    return configFromGguf({
      path: 'model.gguf',
      metadata: new Map(entries),
      tensors: new Map(names.map((name) => [name, {}])) as unknown as Gguf['tensors'],
      read: async () => Float32Array.from(divisors!),
      checkReadable: () => undefined,
      close: async () => undefined,
    });
  };

  test('is read', async () => {
    expect(await open({})).toMatchObject({
      family: 'llama',
      headSize: 16,
      vocabularySize: 2,
      ropeTheta: 500000,
      tiedEmbeddings: false,
    });
    expect(await open({ 'llama.rope.scaling.type': 'linear', 'llama.rope.scaling.factor': 4 })).toMatchObject({
      ropeScaling: { type: 'linear', factor: 4 },
    });
    expect(await open({ 'llama.attention.key_length': 16, 'llama.attention.value_length': 16 })).toMatchObject({
      headSize: 16,
    });
  });

  test.each<[Record<string, GgufValue | undefined>, RegExp]>([
    [{ 'general.architecture': undefined }, /metadata "general\.architecture": is missing/],
    [{ 'general.architecture': 'gemma' }, /metadata "general\.architecture": architecture "gemma" is not supported/],
    [{ 'llama.block_count': undefined }, /metadata "llama\.block_count": is missing/],
    [{ 'llama.embedding_length': 0 }, /metadata "llama\.embedding_length": expected a positive integer, got 0/],
    [{ 'llama.attention.head_count': [2, 2] }, /head_count": expected a positive integer, got a list of 2/],
    [{ 'llama.attention.head_count_kv': 3 }, /head_count_kv": 2 attention heads are no multiple of 3/],
    [{ 'llama.attention.layer_norm_rms_epsilon': Number.NaN }, /rms_epsilon": expected a positive number/],
    [{ 'llama.rope.dimension_count': 8 }, /rope\.dimension_count": is 8, expected 16: a partial rotary embedding/],
    [{ 'llama.rope.scaling.type': 'yarn' }, /rope\.scaling\.type": rotary scaling "yarn" is not supported/],
    [{ 'llama.rope.scaling.type': 'linear' }, /rope\.scaling\.factor": is missing/],
  ])('%j names the key', async (changes, message) => {
    await expect(open(changes)).rejects.toThrow(message);
    await expect(open(changes)).rejects.toThrow('model.gguf');
  });

  test("divisors that are not Llama 3's are refused", async () => {
    const scaling = {
      type: 'llama3',
      factor: 32,
      lowFrequencyFactor: 1,
      highFrequencyFactor: 4,
      originalMaxPositions: 8192,
    } as const;
    const divisors = llama3Divisors(scaling, 16, 500000);
    expect((await open({}, divisors)).ropeScaling).toEqual(scaling);
    const other = llama3Divisors({ ...scaling, originalMaxPositions: 4096 }, 16, 500000);
    await expect(open({}, other)).rejects.toThrow(
      /rope_freqs\.weight": these rotary divisors are not those of Llama 3/,
    );
    await expect(open({}, divisors.slice(1))).rejects.toThrow(/not those of Llama 3/);
  });
});
