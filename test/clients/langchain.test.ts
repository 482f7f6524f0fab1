import { Embeddings } from '@langchain/core/embeddings';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { O1Embeddings } from '../../src/clients/langchain.js';
import { tinyEmbedder } from '../../src/testing/index.js';
import { FakeEndpoint } from './fake-endpoint.js';

describe('over HTTP', () => {
  let endpoint: FakeEndpoint;
  beforeEach(async () => {
    endpoint = await FakeEndpoint.start();
  });
  afterEach(() => endpoint.close());

  test('documents go in batches, queries think as told', async () => {
    const embeddings = new O1Embeddings({ baseURL: endpoint.baseURL, think: 'auto', batchSize: 2 });
    expect(embeddings).toBeInstanceOf(Embeddings);
    const texts = ['a', 'b', 'c'];
    expect(await embeddings.embedDocuments(texts)).toEqual(texts.map((text) => Array.from(endpoint.vector(text))));
    expect(await embeddings.embedQuery('q')).toEqual(Array.from(endpoint.vector('q', 'query', 'auto')));
    expect(endpoint.seen.map(({ body }) => [body.input, body.input_type])).toEqual([
      [['a', 'b'], 'document'],
      [['c'], 'document'],
      [['q'], 'query'],
    ]);
  });

  test('a busy server is asked again, by this class alone', async () => {
    endpoint.refusals.push(...Array.from({ length: 3 }, () => ({ status: 429, headers: { 'retry-after': '0' } })));
    const embeddings = new O1Embeddings({ baseURL: endpoint.baseURL, maxRetries: 1 });
    await expect(embeddings.embedQuery('q')).rejects.toMatchObject({ status: 429 });
    expect(endpoint.seen).toHaveLength(2);
    expect(await embeddings.embedQuery('q')).toHaveLength(64);
  });

  test('its signal stops it', async () => {
    endpoint.silent = true;
    const controller = new AbortController();
    const embeddings = new O1Embeddings({ baseURL: endpoint.baseURL, signal: controller.signal });
    const call = expect(embeddings.embedQuery('q')).rejects.toThrow('enough');
    while (endpoint.seen.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    controller.abort(new Error('enough'));
    await call;
  });
});

test("in this process: the embedder's own vectors", async () => {
  const embedder = await tinyEmbedder();
  const [document] = await embedder.embedDocuments(['one']);
  const { vector } = await embedder.embedQuery('one', { think: 'always' });
  const embeddings = new O1Embeddings({ embedder, think: 'always' });
  expect(await embeddings.embedDocuments(['one'])).toEqual([Array.from(document!)]);
  expect(await embeddings.embedQuery('one')).toEqual(Array.from(vector));
  await embedder.close();
});

test('a batch of no texts is refused', () => {
  expect(() => new O1Embeddings({ baseURL: 'http://127.0.0.1', batchSize: 0 })).toThrow('batchSize must be');
});
