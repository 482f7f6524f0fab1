import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { batchByLength } from '../batch-by-length.js';
import { Decoder } from '../decoder/index.js';
import { normalise } from '../normalise.js';
import { ByteTokenizer, randomWeights, TINY_CONFIG, TINY_SETTINGS, tinyEmbedder } from '../testing/index.js';
import type { QueryEmbedding, QueryEvent, QueryOptions } from './index.js';
import type { O1Embedder } from './o1-embedder.js';
import { cosine, dot, normalisedMean } from './vectors.js';

let embedder: O1Embedder;
let decoder: Decoder;
beforeAll(async () => {
  embedder = await tinyEmbedder();
  decoder = await Decoder.load(randomWeights(TINY_CONFIG, 1), { mode: 'fp32', threads: 1 });
});
afterAll(() => Promise.all([embedder?.close(), decoder?.close()]));
afterEach(() => {
  vi.restoreAllMocks();
});

const { query, document, thought, embedding, end } = TINY_SETTINGS.tokens;
const bytes = (text: string) => new ByteTokenizer().encode(text);

/** The vector at the last of these tokens, read from scratch. */
async function vectorOf(ids: readonly number[]): Promise<Float32Array> {
  const output = await decoder.encode([ids]);
  return normalise(output.hidden(0, ids.length - 1));
}

/** Everything but the timings. */
const result = ({ timings: _, ...rest }: QueryEmbedding) => rest;
// A random model is very sure of itself: only a high temperature makes its thoughts differ.
const sampled: QueryOptions = { thoughts: 3, temperature: 6, seed: 4 };

describe('one query', () => {
  test('instant and final vectors are those of reading the sequences from scratch', async () => {
    const { instant, vector, thoughts, basis } = await embedder.embedQuery('open a file');
    const start = [query, ...bytes('open a file'), embedding];
    expect(cosine(instant, await vectorOf(start))).toBeCloseTo(1, 5);
    const { tokens } = thoughts[0]!;
    expect(cosine(vector, await vectorOf([...start, thought, ...tokens, end, embedding]))).toBeCloseTo(1, 5);
    expect(cosine(instant, vector)).toBeLessThan(0.99);
    expect(basis).toBe('thoughts');
    expect(thoughts[0]!.text).toBe(new ByteTokenizer().decode(tokens));
    for (const mark of [query, document, thought, embedding, end]) expect(tokens).not.toContain(mark);
  });

  test('never gives the instant vector and writes nothing', async () => {
    const { instant, vector, thoughts, basis, deadlineReached } = await embedder.embedQuery('open', { think: 'never' });
    expect(vector).toEqual(instant);
    expect(thoughts).toEqual([]);
    expect({ basis, deadlineReached }).toEqual({ basis: 'instant', deadlineReached: false });
    expect(instant).toEqual((await embedder.embedQuery('open')).instant);
  });

  test('the final vector is the normalised mean over several thoughts', async () => {
    const { vector, thoughts } = await embedder.embedQuery('open a file', sampled);
    expect(thoughts.length).toBe(3);
    expect(vector).toEqual(normalisedMean(thoughts.map((one) => one.vector)));
    expect(new Set(thoughts.map(({ tokens }) => tokens.join())).size).toBe(3);
  });

  test('the instant vector may have a share in the final one', async () => {
    const { instant, thoughts } = await embedder.embedQuery('open a file', sampled);
    const at = async (instantWeight: number) =>
      (await embedder.embedQuery('open a file', { ...sampled, instantWeight })).vector;
    const vectors = thoughts.map((one) => one.vector);
    const expected = instant.map(
      (value, i) => 0.25 * value + 0.75 * vectors.reduce((sum, one) => sum + one[i]! / vectors.length, 0),
    );
    expect(cosine(await at(0.25), expected)).toBeCloseTo(1, 6);
    expect(cosine(await at(0.25), await at(0))).toBeLessThan(0.999);
    expect(dot(await at(0.25), await at(0.25))).toBeCloseTo(1, 6);
    expect(await at(0)).toEqual(normalisedMean(vectors));
    expect(cosine(await at(1), instant)).toBeCloseTo(1, 6);
    const given = await embedder.embedQuery('open', { thought: 'fs.open', instantWeight: 0.5 });
    expect(cosine(given.vector, normalisedMean([given.instant, given.thoughts[0]!.vector]))).toBeCloseTo(1, 6);
    const thinking = { ...TINY_SETTINGS.thinking, instantWeight: 0.25 };
    const trusting = await tinyEmbedder({ settings: { thinking } });
    expect((await trusting.embedQuery('open a file', sampled)).vector).toEqual(await at(0.25));
    await trusting.close();
  });

  test("a thought's log probability and the first token's signals are those of reading it from scratch", async () => {
    const { thoughts, signals } = await embedder.embedQuery('open a file', sampled);
    const { thoughts: given } = await embedder.embedQuery('open a file', { thought: 'fs.open' });
    const prompt = [query, ...bytes('open a file'), embedding, thought];
    for (const { tokens, logProbability } of [...thoughts, ...given]) {
      const logitsAt = tokens.map((_, i) => [0, prompt.length - 1 + i] as const);
      const { logits } = await decoder.encode([[...prompt, ...tokens]], { logitsAt });
      const allowed = logits.map((row) =>
        [...row].filter((_, id) => ![query, document, thought, embedding].includes(id)),
      );
      const logSums = allowed.map((row) => Math.log(row.reduce((sum, logit) => sum + Math.exp(logit), 0)));
      const expected = tokens.reduce((sum, token, i) => sum + logits[i]![token]! - logSums[i]!, 0) / tokens.length;
      expect(logProbability).toBeCloseTo(expected, 3);
      const first = allowed[0]!.map((logit) => Math.exp(logit - logSums[0]!));
      expect(signals!.topProbability).toBeCloseTo(Math.max(...first), 4);
      const entropy = -first.reduce((sum, p) => sum + (p === 0 ? 0 : p * Math.log(p)), 0);
      expect(signals!.firstTokenEntropy).toBeCloseTo(entropy, 4);
    }
    const empty = await embedder.embedQuery('open a file', { thought: '' });
    expect(empty.thoughts[0]).toMatchObject({ tokens: [], logProbability: 0 });
  });

  test('a thought that reaches the limit is closed as if it had ended', async () => {
    const { thoughts, vector } = await embedder.embedQuery('open', { maxTokens: 5, ignoreEnd: true });
    expect(thoughts[0]).toMatchObject({ finishReason: 'length' });
    const { tokens } = thoughts[0]!;
    expect(tokens.length).toBe(5);
    const ids = [query, ...bytes('open'), embedding, thought, ...tokens, end, embedding];
    expect(cosine(vector, await vectorOf(ids))).toBeCloseTo(1, 5);
  });

  test("a caller's own thought is embedded as it is", async () => {
    const { instant, vector, thoughts } = await embedder.embedQuery('open', { thought: 'fs.open' });
    const start = [query, ...bytes('open'), embedding];
    expect(cosine(instant, await vectorOf(start))).toBeCloseTo(1, 5);
    expect(cosine(vector, await vectorOf([...start, thought, ...bytes('fs.open'), end, embedding]))).toBeCloseTo(1, 5);
    expect(thoughts[0]).toMatchObject({ text: 'fs.open', finishReason: 'given' });
  });

  test("the adapter's settings are the defaults", async () => {
    const thinking = { think: 'always', thoughts: 2, temperature: 1, topP: 0.9 } as const;
    const other = await tinyEmbedder({ settings: { thinking } });
    expect(result(await other.embedQuery('open'))).toEqual(result(await embedder.embedQuery('open', thinking)));
    await other.close();
  });

  test.each<[QueryOptions, string]>([
    [{ thoughts: 0 }, 'thoughts must be a whole number from 1 up, got 0'],
    [{ maxTokens: 25 }, 'maxTokens must be at most 24, got 25'],
    [{ maxTokens: 1.5 }, 'maxTokens must be a whole number from 1 up, got 1.5'],
    [{ seed: -1 }, 'seed must be a whole number from 0 up, got -1'],
    [{ deadlineMs: Number.NaN }, 'deadlineMs must be a number from 0 up, got NaN'],
    [{ instantWeight: 1.5 }, 'instantWeight must be a number from 0 to 1, got 1.5'],
    [{ temperature: -1 }, 'temperature must be a number from 0 up, got -1'],
  ])('%j is refused', async (options, message) => {
    await expect(embedder.embedQuery('open', options)).rejects.toThrow(message);
  });
});

test.each(['int8', 'int4'] as const)('%s embeds documents, thinks and answers at once as well', async (mode) => {
  const quantised = await tinyEmbedder({ mode });
  const [vector] = await quantised.embedDocuments(['a document']);
  expect(cosine(vector!, (await embedder.embedDocuments(['a document']))[0]!)).toBeGreaterThan(0.95);
  const { instant, thoughts } = await quantised.embedQuery('open a file', sampled);
  expect(cosine(instant, (await embedder.embedQuery('open a file')).instant)).toBeGreaterThan(0.95);
  expect(thoughts.length).toBe(3);
  await quantised.close();
});

describe('texts at the edge', () => {
  test.each([
    ['nothing', '', ''],
    ['a lone surrogate is U+FFFD', 'a\ud800b', 'a\ufffdb'],
    ['longer than the length policy', 'x'.repeat(100), 'x'.repeat(40)],
  ])('%s', async (_, text, like) => {
    const { vector, truncated } = await embedder.embedQuery(text);
    expect(vector).toEqual((await embedder.embedQuery(like)).vector);
    expect(vector.every(Number.isFinite)).toBe(true);
    expect(truncated).toBe(text.length > 40);
    const [one, other] = await embedder.embedDocuments([text, text.slice(0, 60)]);
    expect(one).toEqual(other);
  });
});

describe('reproducible', () => {
  test('the same seed gives the same thoughts and vectors, another seed others', async () => {
    const first = result(await embedder.embedQuery('open a file', sampled));
    expect(result(await embedder.embedQuery('open a file', sampled))).toEqual(first);
    expect(result(await embedder.embedQuery('open a file', { ...sampled, seed: 5 }))).not.toEqual(first);
  });

  test('to the last bit in any batch', async () => {
    const texts = ['open a file', 'a', 'how do I read a stream line by line?', 'watch', ''];
    const alone: unknown[] = [];
    for (const text of texts) alone.push(result(await embedder.embedQuery(text, sampled)));
    for (const maxBatchRows of [1, 7, 100]) {
      const together = await embedder.embedQueries(texts, { ...sampled, maxBatchRows });
      expect(together.map(result)).toEqual(alone);
    }
  });

  test('documents too, and in their order', async () => {
    const texts = ['one', 'a longer one, that needs padding', '', 'three', 'x'.repeat(60)];
    const together = await embedder.embedDocuments(texts);
    for (const [i, text] of texts.entries()) {
      expect(together[i]).toEqual((await embedder.embedDocuments([text]))[0]);
      expect(cosine(together[i]!, await vectorOf([document, ...bytes(text), embedding]))).toBeCloseTo(1, 5);
    }
    expect(await embedder.embedDocuments(texts, { maxBatchTokens: 70 })).toEqual(together);
    expect(await embedder.embedDocuments([])).toEqual([]);
  });

  test('the fingerprint tells adapters, modes and length policies apart', async () => {
    const lengths = { ...TINY_SETTINGS.lengths, document: 61 };
    const others = await Promise.all([
      tinyEmbedder({ seed: 2 }),
      tinyEmbedder({ mode: 'int8' }),
      tinyEmbedder({ settings: { lengths } }),
    ]);
    const same = await tinyEmbedder();
    expect(same.fingerprint).toBe(embedder.fingerprint);
    expect(new Set([embedder, ...others].map(({ fingerprint }) => fingerprint)).size).toBe(4);
    await Promise.all([same, ...others].map((one) => one.close()));
  });
});

describe('a deadline', () => {
  /** Time that moves by one at each look: the same on a fast machine and on a slow one. */
  function tickingClock() {
    let now = 0;
    vi.spyOn(performance, 'now').mockImplementation(() => now++);
  }

  test('always has an answer: the best of what is finished', async () => {
    const seen = new Set<number>();
    for (let deadlineMs = 0; deadlineMs < 120; deadlineMs += 4) {
      tickingClock();
      const found = await embedder.embedQuery('open a file', { ...sampled, deadlineMs });
      const finished = found.thoughts.length;
      seen.add(finished);
      expect(found.deadlineReached).toBe(finished < 3);
      expect(found.basis).toBe(finished === 0 ? 'instant' : 'thoughts');
      const expected = finished === 0 ? found.instant : normalisedMean(found.thoughts.map(({ vector }) => vector));
      expect(found.vector).toEqual(expected);
    }
    expect(seen.has(0)).toBe(true);
    expect(seen.has(3)).toBe(true);
  });
});

describe('as a stream', () => {
  test('instant vector, tokens, final vector, in this order, with the text of the thought', async () => {
    const events: QueryEvent[] = [];
    for await (const event of embedder.streamQuery('open a file')) events.push(event);
    const final = events.at(-1)!;
    if (final.type !== 'final') throw new Error('the last event is not the final one');
    const { type: _, ...embedded } = final;
    expect(result(embedded)).toEqual(result(await embedder.embedQuery('open a file')));
    expect(events[0]).toMatchObject({ type: 'instant', vector: final.instant });
    const middle = events.slice(1, -1);
    const tokens = middle.flatMap((event) => (event.type === 'token' ? [event.token] : []));
    expect(tokens).toEqual(final.thoughts[0]!.tokens);
    expect(tokens.length).toBe(middle.length);
  });

  test('a character of several bytes comes whole', async () => {
    const { TextStream } = await import('./text-stream.js');
    const stream = new TextStream(new ByteTokenizer());
    const text = 'aé€ and 😀, é';
    const pieces = bytes(text).map((token) => stream.push(token));
    expect(pieces.slice(0, 6)).toEqual(['a', '', 'é', '', '', '€']);
    expect(pieces.join('')).toBe(text);
  });

  test('can be left early: the next call has its turn', async () => {
    for await (const event of embedder.streamQuery('open a file')) {
      if (event.type === 'token') break;
    }
    expect((await embedder.embedQuery('open', { think: 'never' })).basis).toBe('instant');
  });
});

describe('several calls on one instance', () => {
  test('run in the order in which they came, and do not disturb each other', async () => {
    const order: string[] = [];
    const note = <T>(name: string, call: Promise<T>) => call.finally(() => order.push(name));
    const [slow, documents, quick] = await Promise.all([
      note('slow', embedder.embedQuery('open a file', sampled)),
      note('documents', embedder.embedDocuments(['one'])),
      note('quick', embedder.embedQuery('a', { think: 'never' })),
    ]);
    expect(order).toEqual(['slow', 'documents', 'quick']);
    expect(result(slow)).toEqual(result(await embedder.embedQuery('open a file', sampled)));
    expect(documents).toEqual(await embedder.embedDocuments(['one']));
    expect(result(quick)).toEqual(result(await embedder.embedQuery('a', { think: 'never' })));
  });

  test('an abort ends one call and leaves the next alone', async () => {
    const controller = new AbortController();
    const aborted = (async () => {
      for await (const event of embedder.streamQuery('open a file', { signal: controller.signal })) {
        if (event.type === 'token') controller.abort();
      }
    })();
    const next = embedder.embedQuery('a', { think: 'never' });
    await expect(aborted).rejects.toThrow(expect.objectContaining({ name: 'AbortError' }));
    expect((await next).basis).toBe('instant');
    const already = embedder.embedDocuments(['one'], { signal: controller.signal });
    await expect(already).rejects.toThrow(expect.objectContaining({ name: 'AbortError' }));
  });

  test('documents can be aborted between two runs', async () => {
    const controller = new AbortController();
    let done = 0;
    const call = embedder.embedDocuments(['one', 'two', 'three'], {
      maxBatchTokens: 1,
      signal: controller.signal,
      onProgress: (progress) => {
        done = progress.done;
        if (done === 2) controller.abort();
      },
    });
    await expect(call).rejects.toThrow(expect.objectContaining({ name: 'AbortError' }));
    expect(done).toBe(2);
  });
});

test('batches are of like length and within the budget', () => {
  const lengths = [5, 1, 4, 9, 1];
  expect(batchByLength(lengths, 8)).toEqual([[1, 4], [2], [0], [3]]);
  expect(batchByLength(lengths, 10)).toEqual([[1, 4], [2, 0], [3]]);
});
