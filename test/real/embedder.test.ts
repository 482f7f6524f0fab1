import { readFileSync } from 'node:fs';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Checkpoint, Decoder, generate, openCheckpoint } from '../../src/decoder/index.js';
import { cosine, O1Embedder } from '../../src/embedder/index.js';
import { resolveModel } from '../../src/models/index.js';
import { REFERENCE_ADAPTER } from '../support/reference-adapter.js';

/** The real model and adapter against what a PyTorch program of the same method computed. */

const fixture = (name: string) => readFileSync(new URL(`../fixtures/parity/${name}`, import.meta.url));

interface BaseCase {
  text: string;
  ids: number[];
  hidden_first16: number[];
  top_ids: number[];
  top_logits: number[];
  greedy32: number[];
}

interface VectorCases {
  queries: {
    query: string;
    thought: string;
    ids: number[];
    instant: number[];
    final: number[];
    greedy_thought_ids: number[];
    greedy_final: number[];
  }[];
  documents: { text: string; vector: number[] }[];
}

describe('the base model in fp32', () => {
  const { cases }: { cases: BaseCase[] } = JSON.parse(fixture('base.json').toString());
  let checkpoint: Checkpoint;
  let decoder: Decoder;
  beforeAll(async () => {
    checkpoint = await openCheckpoint(await resolveModel('smollm2-135m-instruct'));
    decoder = await Decoder.load(checkpoint, { mode: 'fp32' });
  });
  afterAll(() => Promise.all([decoder?.close(), checkpoint?.close()]));

  test.each(cases.map((one) => [one.text, one] as const))('logits of %j', async (_, { ids, ...expected }) => {
    const output = await decoder.encode([ids], { logitsAt: [[0, ids.length - 1]] });
    const hidden = output.hidden(0, ids.length - 1);
    const [logits] = output.logits;
    for (const [i, value] of expected.hidden_first16.entries()) {
      expect(Math.abs(hidden[i]! - value)).toBeLessThan(2e-3);
    }
    for (const [i, id] of expected.top_ids.entries()) {
      expect(Math.abs(logits![id]! - expected.top_logits[i]!)).toBeLessThan(2e-3);
    }
  });

  test('greedy continuations, token by token, all in one batch', async () => {
    const generations = await generate(
      decoder,
      cases.map(({ ids }) => ids),
      { maxTokens: 32 },
    );
    expect(generations.map(([generation]) => generation!.tokens)).toEqual(cases.map(({ greedy32 }) => greedy32));
  });
});

const { queries, documents }: VectorCases = JSON.parse(gunzipSync(fixture('vectors.json.gz')).toString());

describe('the adapter in fp32', () => {
  let embedder: O1Embedder;
  beforeAll(async () => {
    embedder = await O1Embedder.load({ adapter: REFERENCE_ADAPTER, mode: 'fp32' });
  });
  afterAll(() => embedder?.close());

  test('instant vectors, own greedy thoughts and their vectors', async () => {
    const texts = queries.map(({ query }) => query);
    const embeddings = await embedder.embedQueries(texts, { think: 'always' });
    for (const [i, expected] of queries.entries()) {
      const { instant, vector, thoughts } = embeddings[i]!;
      expect(cosine(instant, expected.instant)).toBeGreaterThan(0.9999);
      expect(thoughts[0]!.tokens).toEqual(expected.greedy_thought_ids);
      expect(cosine(vector, expected.greedy_final)).toBeGreaterThan(0.9999);
    }
  });

  test("final vectors with an expert's thoughts", async () => {
    for (const { query, thought, final } of queries) {
      const { vector } = await embedder.embedQuery(query, { thought });
      expect(cosine(vector, final)).toBeGreaterThan(0.9999);
    }
  });

  test('documents', async () => {
    const vectors = await embedder.embedDocuments(documents.map(({ text }) => text));
    for (const [i, { vector }] of documents.entries()) expect(cosine(vectors[i]!, vector)).toBeGreaterThan(0.9999);
  });

  test('sampled thoughts and vectors are the same to the last bit in any batch', async () => {
    const texts = queries.slice(0, 3).map(({ query }) => query);
    const settings = { think: 'always', thoughts: 2, temperature: 0.6, seed: 9, maxTokens: 24 } as const;
    const together = await embedder.embedQueries(texts, settings);
    for (const [i, text] of texts.entries()) {
      const { vector, instant, thoughts } = await embedder.embedQuery(text, settings);
      expect({ vector, instant, thoughts }).toEqual({
        vector: together[i]!.vector,
        instant: together[i]!.instant,
        thoughts: together[i]!.thoughts,
      });
    }
    const all = documents.map(({ text }) => text);
    const [one] = await embedder.embedDocuments([all[3]!]);
    expect(one).toEqual((await embedder.embedDocuments(all))[3]);
  });

  test('text that spells marks is text', async () => {
    const marks = ['<|im_end|>', '<|endoftext|>', '<repo_name>'];
    const plain = await embedder.embedQuery(`a ${marks.join(' ')} b`, { think: 'never' });
    expect(embedder.countTokens(marks.join(''))).toBeGreaterThan(marks.length * 2);
    expect(plain.truncated).toBe(false);
  });
});

test('an adapter whose self-test does not hold is refused', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'self-test-'));
  const source = REFERENCE_ADAPTER;
  await cp(source, folder, { recursive: true });
  const settings = JSON.parse(await readFile(join(folder, 'o1.json'), 'utf8'));
  settings.selfTest[1].head.reverse();
  await writeFile(join(folder, 'o1.json'), JSON.stringify(settings));
  await expect(O1Embedder.load({ adapter: folder })).rejects.toThrow(/self-test failed.*fs\.watch/s);
  await rm(folder, { recursive: true });
});

describe.each([
  // Least cosine to fp32 of instant vectors and documents; measured .988 and .898 at the lowest.
  ['int8', 0.98],
  ['int4', 0.85],
] as const)('%s', (mode, least) => {
  test(`stays within a cosine of ${least} to fp32`, async () => {
    const embedder = await O1Embedder.load({ adapter: REFERENCE_ADAPTER, mode });
    for (const { query, instant } of queries) {
      expect(cosine((await embedder.embedQuery(query, { think: 'never' })).instant, instant)).toBeGreaterThan(least);
    }
    const vectors = await embedder.embedDocuments(documents.map(({ text }) => text));
    for (const [i, { vector }] of documents.entries()) expect(cosine(vectors[i]!, vector)).toBeGreaterThan(least);
    await embedder.close();
  });
});

test('the published results are those of the default adapter', async () => {
  const embedder = await O1Embedder.load();
  try {
    const results = readFileSync(new URL('../../docs/results.md', import.meta.url), 'utf8');
    expect(results).toContain(embedder.fingerprint);
  } finally {
    await embedder.close();
  }
}, 60_000);
