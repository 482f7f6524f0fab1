import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { fixture } from '../../../test/fixtures/tiny-models/tiny-model.js';
import { DEQUANTISE } from './dequantise.js';
import { openGguf } from './gguf.js';
import { GGML_TYPES } from './gguf-types.js';

const bytesOf = (base64: string) => Uint8Array.from(Buffer.from(base64, 'base64'));

const vectors: Record<string, { blocks: string; values: string }> = JSON.parse(
  readFileSync(fixture('block_formats.json'), 'utf8'),
);

test.each(Object.entries(vectors))('%s agrees with gguf-py bit by bit', (format, { blocks, values }) => {
  const expected = new Float32Array(bytesOf(values).buffer);
  expect(expected.some((value) => value !== 0)).toBe(true);
  expect(DEQUANTISE.get(format)!(bytesOf(blocks), expected.length)).toEqual(expected);
});

test('every readable format has vectors, and a layout', () => {
  expect([...DEQUANTISE.keys()].filter((format) => !(format in vectors))).toEqual(['F32']);
  const layouts = new Set([...GGML_TYPES.values()].map(({ name }) => name));
  expect([...DEQUANTISE.keys()].every((format) => layouts.has(format))).toBe(true);
});

test.each(['Q4_K', 'Q5_K', 'Q6_K'])('%s tensors of a file agree with its reference', async (format) => {
  const reference = JSON.parse(readFileSync(fixture('tiny_kquant_ref.json'), 'utf8'));
  const file = await openGguf(fixture('tiny_kquant.gguf'));
  expect(await file.read(`kq.${format}.weight`)).toEqual(Float32Array.from(reference.dequant[format]));
  expect(await file.read('ref.f32.weight')).toEqual(Float32Array.from(reference.ref_f32));
  expect(file.tensors.get('ref.f32.weight')!.shape).toEqual([4, 256]);
  await file.close();
});

test('a block format without a reader is refused by name', async () => {
  const file = await openGguf(fixture('tiny_kquant.gguf'));
  await expect(file.read('kq.Q2_K.weight')).rejects.toThrow(
    /tensor "kq\.Q2_K\.weight": block format Q2_K cannot be read/,
  );
  await file.close();
});
