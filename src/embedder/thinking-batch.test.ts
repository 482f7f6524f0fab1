import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Decoder } from '../decoder/index.js';
import { InvalidInputError } from '../errors.js';
import { ByteTokenizer, randomWeights, TINY_CONFIG, TINY_SETTINGS, tinyEmbedder } from '../testing/index.js';
import type { O1Embedder, QueryEmbedding, QueryEvent, QueryOptions, ThinkingBatch } from './index.js';
import type { BatchEvent } from './thinking-batch.js';
import { normalisedMean } from './vectors.js';

let embedder: O1Embedder;
beforeAll(async () => {
  embedder = await tinyEmbedder();
});
afterAll(() => embedder?.close());

/** Queries with settings of their own. A random model is very sure of itself: only a high temperature makes samples differ. */
const QUERIES: Record<string, { readonly text: string; readonly options: QueryOptions }> = {
  short: { text: 'a', options: { temperature: 6, seed: 1 } },
  three: { text: 'open a file', options: { thoughts: 3, temperature: 6, seed: 2 } },
  // Two of these end by themselves, after 13 and 16 tokens; the others reach the limit of 24.
  four: { text: 'open a file', options: { thoughts: 4, temperature: 60, seed: 6 } },
  greedy: { text: 'how do I read a stream line by line?', options: { temperature: 0, instantWeight: 0.25 } },
  brief: { text: 'watch', options: { thoughts: 2, temperature: 8, topP: 0.9, seed: 3, maxTokens: 2 } },
  long: { text: 'open a file', options: { temperature: 6, seed: 5, ignoreEnd: true } },
  never: { text: 'open', options: { think: 'never' } },
  given: { text: 'open', options: { thought: 'fs.open' } },
  empty: { text: '', options: { temperature: 6, topK: 5 } },
};
const request = (id: string) => ({ id, ...QUERIES[id]! });

/** Events by query, without what depends on the clock. */
class Collected {
  readonly byQuery = new Map<string, QueryEvent[]>();

  add(events: readonly BatchEvent[]): void {
    for (const { id, event } of events) this.byQuery.set(id, [...(this.byQuery.get(id) ?? []), timeless(event)]);
  }

  final(id: string): QueryEmbedding {
    const last = this.byQuery.get(id)?.at(-1);
    if (last?.type !== 'final') throw new Error(`${id} has no final event`);
    return last;
  }
}

function timeless(event: QueryEvent): QueryEvent {
  if (event.type === 'instant') return { ...event, prefillMs: 0 };
  if (event.type === 'token') return event;
  return { ...event, timings: { prefillMs: 0, thinkMs: 0, closingMs: 0, totalMs: 0 } };
}

async function alone(id: string): Promise<QueryEvent[]> {
  const events: QueryEvent[] = [];
  for await (const event of embedder.streamQuery(QUERIES[id]!.text, QUERIES[id]!.options)) events.push(timeless(event));
  return events;
}

/** Steps until nothing is left to do; `between` is called before each step. */
async function run(
  batch: ThinkingBatch,
  collected: Collected,
  between: (step: number) => Promise<void> | void = () => {},
  steps = 100,
): Promise<void> {
  for (let step = 0; step < steps; step++) {
    await between(step);
    collected.add(await batch.step());
  }
}

describe('in fp32 a query has the same events, to the last bit, as alone', () => {
  const ids = Object.keys(QUERIES);

  test.each([
    ['all at once', () => 0],
    ['one after another', (i: number) => i],
    ['in another order, some steps apart', (i: number) => ((i * 5) % 9) * 3],
    ['in pairs', (i: number) => Math.floor(i / 2) * 7],
  ])('when they come %s', async (_, comesAt) => {
    const batch = embedder.thinkingBatch();
    const collected = new Collected();
    await run(batch, collected, async (step) => {
      const coming = ids.filter((_, i) => comesAt(i) === step);
      if (coming.length > 0) collected.add(await batch.admit(coming.map(request)));
    });
    expect(batch.rows).toBe(0);
    expect(batch.queries).toEqual([]);
    for (const id of ids) expect(collected.byQuery.get(id)).toEqual(await alone(id));
    const { thoughts } = collected.final('four');
    expect(thoughts.map(({ finishReason }) => finishReason)).toEqual(['stop', 'length', 'stop', 'length']);
    expect(thoughts.map(({ sample }) => sample)).toEqual([0, 1, 2, 3]);
  });

  test('when others are cancelled or finished early', async () => {
    const batch = embedder.thinkingBatch();
    const collected = new Collected();
    collected.add(await batch.admit(['three', 'long', 'short'].map(request)));
    await run(batch, collected, async (step) => {
      if (step === 2) batch.cancel('three');
      if (step === 3) collected.add(await batch.admit(['greedy', 'brief'].map(request)));
      if (step === 5) collected.add([batch.finish('long')]);
      if (step === 6) collected.add(await batch.admit([request('empty')]));
    });
    for (const id of ['short', 'greedy', 'brief', 'empty']) expect(collected.byQuery.get(id)).toEqual(await alone(id));
    expect(collected.byQuery.get('three')!.some(({ type }) => type === 'final')).toBe(false);
    const ended = collected.final('long');
    expect(ended).toMatchObject({ basis: 'instant', deadlineReached: true, thoughts: [] });
    expect(ended.vector).toEqual(ended.instant);
  });

  test('when it is finished with some of its thoughts', async () => {
    const whole = (await alone('four')).at(-1)!;
    if (whole.type !== 'final') throw new Error('no final event');
    const batch = embedder.thinkingBatch();
    const seen = new Set<number>();
    for (let steps = 0; steps < 25; steps++) {
      await batch.admit([request('four'), request('long')]);
      for (let step = 0; step < steps; step++) await batch.step();
      const { event } = batch.finish('four');
      batch.cancel('long');
      if (event.type !== 'final') throw new Error('no final event');
      seen.add(event.thoughts.length);
      // Which of the four they are is told: the third one is finished before the first.
      expect(event.thoughts.map(({ sample }) => sample)).toEqual([[], [2], [0, 2]][event.thoughts.length]);
      expect(event.thoughts).toEqual(
        whole.thoughts.filter((thought) => event.thoughts.some((one) => one.text === thought.text)),
      );
      const vectors = event.thoughts.map(({ vector }) => vector);
      expect(event.vector).toEqual(vectors.length === 0 ? event.instant : normalisedMean(vectors));
      expect(event.deadlineReached).toBe(true);
      expect(batch.rows).toBe(0);
    }
    expect([...seen]).toEqual([0, 1, 2]);
  });
});

describe('rows', () => {
  test('are counted, and freed at once', async () => {
    const batch = embedder.thinkingBatch();
    expect(batch.rows).toBe(0);
    expect(await batch.step()).toEqual([]);
    await batch.admit(['three', 'long', 'never', 'given'].map(request));
    expect([batch.rows, batch.queries]).toEqual([4, ['three', 'long']]);
    batch.cancel('three');
    expect(batch.rows).toBe(1);
    batch.finish('long');
    expect([batch.rows, batch.queries]).toEqual([0, []]);
    expect(await batch.step()).toEqual([]);
    batch.cancel('nobody');
  });

  test('a query may be cancelled while its prompt is read, and during a step', async () => {
    const batch = embedder.thinkingBatch();
    const admitted = batch.admit(['three', 'short'].map(request));
    batch.cancel('three');
    expect(new Set((await admitted).map(({ id }) => id))).toEqual(new Set(['short']));
    expect(batch.rows).toBe(1);
    const collected = new Collected();
    collected.add(await batch.admit([request('long')]));
    const step = batch.step();
    batch.cancel('short');
    expect(new Set((await step).map(({ id }) => id))).toEqual(new Set(['long']));
    await run(batch, collected);
    expect(collected.final('long').thoughts).toHaveLength(1);
  });

  test('other calls on the embedder have their turn between two steps', async () => {
    const batch = embedder.thinkingBatch();
    const order: string[] = [];
    const note = async (name: string, call: Promise<unknown>) => {
      await call;
      order.push(name);
    };
    await Promise.all([
      note('admitted', batch.admit([request('long')])),
      note('documents', embedder.embedDocuments(['one'])),
      note('step', batch.step()),
      note('query', embedder.embedQuery('a', { think: 'never' })),
      note('second step', batch.step()),
    ]);
    expect(order).toEqual(['admitted', 'documents', 'step', 'query', 'second step']);
  });
});

describe('what is refused leaves the batch as it was', () => {
  test.each<[string, { id: string; text: string; options?: QueryOptions }[], string]>([
    ['an id in use', [{ id: 'long', text: 'x' }], 'a query with the id "long" is already in the batch'],
    [
      'an id named twice',
      [
        { id: 'x', text: 'x' },
        { id: 'x', text: 'y' },
      ],
      'a query with the id "x" is already in the batch',
    ],
    [
      'a wrong option',
      [
        { id: 'x', text: 'x' },
        { id: 'y', text: 'y', options: { thoughts: 0 } },
      ],
      'thoughts must be a whole number from 1 up, got 0',
    ],
  ])('%s', async (_, requests, message) => {
    const batch = embedder.thinkingBatch();
    const collected = new Collected();
    collected.add(await batch.admit([request('long')]));
    await expect(batch.admit(requests)).rejects.toThrow(InvalidInputError);
    await expect(batch.admit(requests)).rejects.toThrow(message);
    expect(batch.queries).toEqual(['long']);
    await run(batch, collected);
    expect(collected.byQuery.get('long')).toEqual(await alone('long'));
  });

  test('a query that is not there cannot be finished', () => {
    const call = () => embedder.thinkingBatch().finish('nobody');
    expect(call).toThrow('cannot finish the query "nobody": it is not being thought about');
  });

  test('an abort and a run that fails: the same call goes on later', async () => {
    const decoder = await Decoder.load(randomWeights(TINY_CONFIG, 1), { mode: 'fp32', threads: 1 });
    let failing = false;
    const forward = decoder.forward.bind(decoder);
    decoder.forward = (...args) => (failing ? Promise.reject(new Error('out of memory')) : forward(...args));
    const { O1Embedder } = await import('./o1-embedder.js');
    const parts = { decoder, tokenizer: new ByteTokenizer(), settings: TINY_SETTINGS, adapterSha256: '1' };
    const other = new O1Embedder(parts);
    const batch = other.thinkingBatch();
    const collected = new Collected();
    collected.add(await batch.admit(['three', 'long'].map(request)));
    await run(
      batch,
      collected,
      async (step) => {
        if (step % 3 !== 1 || batch.rows === 0) return;
        const signal = AbortSignal.abort();
        await expect(batch.step({ signal })).rejects.toThrow(expect.objectContaining({ name: 'AbortError' }));
        await expect(batch.admit([request('short')], { signal })).rejects.toThrow(/abort/i);
        failing = true;
        await expect(batch.step()).rejects.toThrow('out of memory');
        await expect(batch.admit([request('short')])).rejects.toThrow('out of memory');
        failing = false;
        expect(batch.queries).not.toContain('short');
      },
      40,
    );
    collected.add(await batch.admit([request('short')]));
    await run(batch, collected);
    for (const id of ['three', 'long', 'short']) expect(collected.byQuery.get(id)).toEqual(await alone(id));
    await other.close();
  });
});

test.each(['int8', 'int4'] as const)('%s: queries come and go as well', async (mode) => {
  const quantised = await tinyEmbedder({ mode });
  const batch = quantised.thinkingBatch();
  const collected = new Collected();
  const ids = Object.keys(QUERIES);
  await run(batch, collected, async (step) => {
    const id = step % 2 === 0 ? ids[step / 2] : undefined;
    if (id !== undefined) collected.add(await batch.admit([request(id)]));
  });
  for (const id of ids) {
    const { thoughts, deadlineReached } = collected.final(id);
    expect(deadlineReached).toBe(false);
    expect(thoughts.length).toBe(id === 'never' ? 0 : (QUERIES[id]!.options.thoughts ?? 1));
  }
  await quantised.close();
});
