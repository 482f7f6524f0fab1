import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { cosine } from '../../src/embedder/index.js';
import { loadEncoder, type TextEncoder } from '../../src/encoders/index.js';

/** The named encoders against vectors that PyTorch computed from the same models. */

const fixture: { texts: string[]; models: Record<string, number[][]> } = JSON.parse(
  readFileSync(new URL('../fixtures/encoders/vectors.json', import.meta.url), 'utf8'),
);

// Loading a model takes seconds, fetching it minutes.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 600_000 });

describe.each([
  // Its weights are int8: their rounding turns a vector by up to 2 degrees. The other is the fp32 file itself.
  { name: 'all-minilm-l6-v2', tolerance: 2e-3, pairTolerance: 0.02 },
  { name: 'paraphrase-minilm-l3-v2', tolerance: 1e-5, pairTolerance: 1e-4 },
])('$name', ({ name, tolerance, pairTolerance }) => {
  const expected = fixture.models[name]!.map((vector) => Float32Array.from(vector));
  let encoder: TextEncoder;
  beforeAll(async () => {
    encoder = await loadEncoder(name);
  });
  afterAll(() => encoder?.close());

  test('the vectors of PyTorch, in one batch and one by one', async () => {
    const together = await encoder.embed(fixture.texts);
    for (const [i, text] of fixture.texts.entries()) {
      const [alone] = await encoder.embed([text]);
      expect(alone).toHaveLength(encoder.dimensions);
      expect(Math.abs(cosine(alone!, alone!) - 1)).toBeLessThan(1e-6);
      expect(1 - cosine(alone!, expected[i]!)).toBeLessThan(tolerance);
      expect(1 - cosine(together[i]!, expected[i]!)).toBeLessThan(tolerance);
    }
  });

  test('the similarities of pairs', async () => {
    const vectors = await encoder.embed(fixture.texts);
    for (const [i, a] of vectors.entries()) {
      for (const [j, b] of vectors.entries()) {
        const difference = cosine(a, b) - cosine(expected[i]!, expected[j]!);
        expect(Math.abs(difference)).toBeLessThan(pairTolerance);
      }
    }
  });
});
