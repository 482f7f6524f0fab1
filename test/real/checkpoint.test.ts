import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Checkpoint, openCheckpoint } from '../../src/decoder/index.js';
import { resolveModel } from '../../src/models/index.js';

/** The checkpoint of the project's base model, from its real file (98 MB, fetched once). */

const textsAndIds: { text: string; ids: number[] }[] = JSON.parse(
  readFileSync(new URL('../fixtures/tokenizers/smollm2.json', import.meta.url), 'utf8'),
);

let checkpoint: Checkpoint;
beforeAll(async () => {
  checkpoint = await openCheckpoint(await resolveModel('smollm2-135m-instruct'));
});
afterAll(() => checkpoint?.close());

test('its settings', () => {
  expect(checkpoint.config).toEqual({
    family: 'llama',
    hiddenSize: 576,
    intermediateSize: 1536,
    layers: 30,
    heads: 9,
    keyValueHeads: 3,
    headSize: 64,
    vocabularySize: 49152,
    maxPositions: 8192,
    rmsNormEpsilon: Math.fround(1e-5),
    ropeTheta: 100000,
    ropeScaling: undefined,
    tiedEmbeddings: true,
    attentionBias: false,
    queryKeyNorm: false,
    slidingWindow: undefined,
  });
});

test('all weights are read, dequantised, in at most a few seconds', async () => {
  const started = performance.now();
  let count = 0;
  let infinite = 0;
  for (const name of checkpoint.names) {
    const weights = await checkpoint.read(name);
    count += weights.length;
    if (!Number.isFinite(weights.reduce((sum, weight) => sum + weight, 0))) infinite++;
  }
  expect(count).toBe(134_515_008);
  expect(infinite).toBe(0);
  // About 0.5 s on two idle cores; the bound leaves room for a busy machine.
  expect(performance.now() - started).toBeLessThan(10_000);
});

test('token ids are those of the model’s own tokenizer', () => {
  const { tokenizer } = checkpoint;
  for (const { text, ids } of textsAndIds) {
    expect({ text, ids: tokenizer.encode(text) }).toEqual({ text, ids });
    expect(tokenizer.decode(ids)).toBe(text);
  }
});

test('special tokens have their ids and are never found in text', () => {
  const { tokenizer } = checkpoint;
  expect(tokenizer.endOfText).toBe(2);
  expect(tokenizer.vocabularySize).toBe(49152);
  expect(tokenizer.tokenId('<|im_end|>')).toBe(2);
  expect(['<repo_name>', '<file_sep>', '<jupyter_start>', '<empty_output>'].map(tokenizer.tokenId)).toEqual([
    3, 5, 11, 16,
  ]);
  // Ids 0 to 16 are the special tokens.
  for (let id = 0; id <= 16; id++) {
    const text = tokenizer.decode([id], { special: true });
    const ids = tokenizer.encode(`a ${text} b${text}`);
    expect(Math.min(...ids)).toBeGreaterThan(16);
    expect(tokenizer.decode(ids)).toBe(`a ${text} b${text}`);
    expect(tokenizer.decode([id])).toBe('');
  }
});
