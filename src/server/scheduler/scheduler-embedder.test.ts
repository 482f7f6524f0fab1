import { afterAll, beforeAll, expect, test } from 'vitest';
import type { O1Embedder, QueryOptions } from '../../embedder/index.js';
import { TINY_SETTINGS, tinyEmbedder } from '../../testing/index.js';
import type { ServiceEvent } from '../service.js';
import { engineOf } from './engine.js';
import { Scheduler } from './scheduler.js';

/** The scheduler on a real decoder: what it computes side by side is what the embedder computes alone. */

let embedder: O1Embedder;
beforeAll(async () => {
  embedder = await tinyEmbedder();
});
afterAll(() => embedder.close());

const scheduler = (maxThoughts: number) =>
  new Scheduler(engineOf(embedder, { modelName: 'tiny' }), { maxThoughts, maxRunTokens: 100 });

async function final(events: AsyncIterable<ServiceEvent>) {
  for await (const event of events) if (event.type === 'final') return event;
  throw new Error('no final event');
}

test.each([16, 3])('queries and documents together, room for %i thoughts: the same bits as alone', async (room) => {
  const queries: [string, QueryOptions][] = [
    ['how do I rotate the logs', { think: 'always' }],
    ['watch a folder', { think: 'always', thoughts: 3, temperature: 0.8, seed: 5 }],
    ['gzip', { think: 'never' }],
    ['close idle connections', { think: 'always', maxTokens: 5 }],
    ['restore a backup', { thought: 'restic restore latest' }],
    ['which port', { think: 'always', thoughts: 2, temperature: 1 }],
  ];
  const texts = Array.from({ length: 9 }, (_, i) => `document ${i} `.repeat(1 + (i % 4)));
  const shared = scheduler(room);
  const [vectors, ...answers] = await Promise.all([
    shared.embedDocuments(texts),
    ...queries.map(([text, options]) => final(shared.query(text, options))),
  ]);
  expect(vectors).toEqual(await embedder.embedDocuments(texts));
  for (const [i, [text, options]] of queries.entries()) {
    const { vector, thoughts, basis } = await embedder.embedQuery(text, options);
    expect(answers[i]).toMatchObject({ vector, thoughts, basis, deadlineReached: false });
  }
});

test('a caller that leaves does not disturb the others', async () => {
  const shared = scheduler(16);
  const options: QueryOptions = { think: 'always', thoughts: 2, temperature: 0.7 };
  const staying = final(shared.query('stays', options));
  for await (const { type } of shared.query('leaves', options)) if (type === 'token') break;
  expect((await staying).vector).toEqual((await embedder.embedQuery('stays', options)).vector);
  await shared.drain();
  expect(shared.load).toEqual({ waiting: 0, thinking: 0 });
});

test('a hundred queries that come and go without a pause: each as if it were alone', async () => {
  const shared = scheduler(5);
  const optionsOf = (i: number): QueryOptions => ({
    think: i % 7 === 0 ? 'never' : 'always',
    thoughts: 1 + (i % 3),
    temperature: 0.9,
    seed: i,
    maxTokens: 1 + (i % 24),
  });
  const textOf = (i: number) => 'query '.repeat(1 + (i % 5)) + i;
  let next = 0;
  const vectors: Float32Array[] = [];
  const client = async () => {
    while (next < 100) {
      const i = next++;
      vectors[i] = (await final(shared.query(textOf(i), optionsOf(i)))).vector;
    }
  };
  await Promise.all(Array.from({ length: 8 }, client));
  for (let i = 0; i < 100; i++) {
    expect(vectors[i]).toEqual((await embedder.embedQuery(textOf(i), optionsOf(i))).vector);
  }
});

test.each([
  ['that never thinks', 'firstTokenEntropy', -1, 'below', 'instant'],
  ['that always thinks', 'firstTokenEntropy', -1, 'above', 'think'],
  ['of the margin that never thinks', 'margin', -1, 'below', 'instant'],
  ['of the margin that always thinks', 'margin', -1, 'above', 'think'],
] as const)('auto with a rule %s, without room to think', async (_, signal, threshold, thinkWhen, decision) => {
  const auto = { signal, threshold, thinkWhen } as const;
  const options: QueryOptions = { think: 'auto', instantScores: async () => [0.75, 0.5] };
  const ruled = await tinyEmbedder({ settings: { thinking: { ...TINY_SETTINGS.thinking, auto } } });
  const shared = new Scheduler(engineOf(ruled, { modelName: 'tiny' }), { maxThoughts: 1 });
  let busy = true;
  const first = final(shared.query('first', { think: 'always', ignoreEnd: true })).then((event) => {
    busy = false;
    return event;
  });
  const answer = await final(shared.query('second', options));
  // Who need not think does not wait until there is room to.
  expect(busy).toBe(decision === 'instant');
  const alone = await ruled.embedQuery('second', options);
  expect(answer).toMatchObject({ decision, basis: alone.basis, vector: alone.vector, deadlineReached: false });
  const late = await Promise.all([
    final(shared.query('third', { think: 'always', ignoreEnd: true })),
    final(shared.query('fourth', { ...options, deadlineMs: 0.001 })),
  ]);
  expect(late[1]).toMatchObject({ basis: 'instant' });
  await first;
  await shared.drain();
  expect(shared.load).toEqual({ waiting: 0, thinking: 0 });
  await ruled.close();
});

test('what a query took is told', async () => {
  const shared = scheduler(16);
  const { usage, thoughts } = await final(shared.query('x'.repeat(100), { think: 'always', thoughts: 2 }));
  const thoughtTokens = thoughts.reduce((sum, { tokens }) => sum + tokens.length, 0);
  expect(usage).toEqual({ promptTokens: 40, thoughtTokens });
  expect((await final(shared.query('four', { thought: 'mine' }))).usage).toEqual({ promptTokens: 8, thoughtTokens: 0 });
});
