import { afterAll, beforeAll, expect, test } from 'vitest';
import type { O1Embedder, QueryEvent, QueryOptions } from '../../embedder/index.js';
import { tinyEmbedder } from '../../testing/index.js';
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

async function final(events: AsyncIterable<QueryEvent>) {
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
