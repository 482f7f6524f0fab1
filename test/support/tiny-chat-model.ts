import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { modelConfig } from '../../src/cli/export/model-config.js';
import {
  type DecoderConfig,
  EMBEDDING,
  LAYER_LINEARS,
  LM_HEAD,
  linearName,
  linearShape,
  writeSafetensors,
} from '../../src/decoder/index.js';
import { randomWeights, TINY_CONFIG } from '../../src/testing/index.js';

/** The tiny decoder, with room for a prompt, and an output of its own: with a tied one it repeats its last token. */
const CONFIG: DecoderConfig = { ...TINY_CONFIG, maxPositions: 2048, tiedEmbeddings: false };

/**
 * Writes a chat model with random weights as a folder in Hugging Face's layout: bytes as tokens, and ChatML's marks. Its answers
 * mean nothing.
 */
export async function writeTinyChatModel(folder: string): Promise<string> {
  const { hiddenSize, vocabularySize, layers } = CONFIG;
  await mkdir(folder, { recursive: true });
  const weights = randomWeights(CONFIG, 5);
  const shapes: [string, readonly number[]][] = [
    [EMBEDDING, [vocabularySize, hiddenSize]],
    [LM_HEAD, [vocabularySize, hiddenSize]],
    ['model.norm.weight', [hiddenSize]],
    ...Array.from({ length: layers }, (_, layer): [string, readonly number[]][] => [
      ...LAYER_LINEARS.map((linear): [string, readonly number[]] => [
        linearName(layer, linear),
        linearShape(CONFIG, linear),
      ]),
      [`model.layers.${layer}.input_layernorm.weight`, [hiddenSize]],
      [`model.layers.${layer}.post_attention_layernorm.weight`, [hiddenSize]],
    ]).flat(),
  ];
  const tensors = shapes.map(([name, shape]) => ({ name, shape, data: () => weights.read(name) }));
  await writeSafetensors(join(folder, 'model.safetensors'), tensors);
  const write = (name: string, value: object) => writeFile(join(folder, name), JSON.stringify(value));
  await write('config.json', modelConfig(CONFIG, 257));
  await write('tokenizer_config.json', { eos_token: '<|im_end|>' });
  await write('tokenizer.json', byteTokenizer(['<|im_start|>', '<|im_end|>']));
  return folder;
}

/** A byte-level BPE without merges. */
function byteTokenizer(marks: readonly string[]) {
  const letters = byteLetters();
  const byteLevel = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true };
  return {
    version: '1.0',
    added_tokens: marks.map((content, i) => ({
      id: 256 + i,
      content,
      single_word: false,
      lstrip: false,
      rstrip: false,
      normalized: false,
      special: true,
    })),
    normalizer: null,
    pre_tokenizer: byteLevel,
    post_processor: null,
    decoder: byteLevel,
    model: { type: 'BPE', vocab: Object.fromEntries(letters.map((letter, byte) => [letter, byte])), merges: [] },
  };
}

/** GPT-2's letter for each byte: itself where it is printable, else one from U+0100 up. */
function byteLetters(): string[] {
  const isPrintable = (byte: number) =>
    (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || (byte >= 0xae && byte <= 0xff);
  let next = 0x100;
  return Array.from({ length: 256 }, (_, byte) => String.fromCodePoint(isPrintable(byte) ? byte : next++));
}
