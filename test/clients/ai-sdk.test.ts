import { createProviderRegistry, embed, embedMany } from 'ai';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createO1Embedder } from '../../src/clients/ai-sdk.js';
import { cosine } from '../../src/embedder/index.js';
import { tinyEmbedder } from '../../src/testing/index.js';
import { FakeEndpoint } from './fake-endpoint.js';

describe('over HTTP', () => {
  let endpoint: FakeEndpoint;
  beforeEach(async () => {
    endpoint = await FakeEndpoint.start();
  });
  afterEach(() => endpoint.close());

  const numbers = (vector: Float32Array) => Array.from(vector);

  test('embedMany embeds documents, in calls of a bearable size', async () => {
    const o1 = createO1Embedder({ baseURL: endpoint.baseURL });
    const values = Array.from({ length: 300 }, (_, i) => `document ${i}`);
    const { embeddings, usage } = await embedMany({ model: o1.embeddingModel(), values });
    expect(embeddings).toEqual(values.map((value) => numbers(endpoint.vector(value))));
    expect(usage.tokens).toBe(600);
    expect(endpoint.seen.map(({ body }) => body.input.length)).toEqual([128, 128, 44]);
    expect(endpoint.seen[0]!.body).toMatchObject({ model: 'o1-embedder', input_type: 'document' });
  });

  test('how to think is told by the model or by the call', async () => {
    const o1 = createO1Embedder({ baseURL: endpoint.baseURL, apiKey: 'secret' });
    const model = o1.textEmbeddingModel('my-model', { inputType: 'query', think: 'always' });
    const thinking = await embed({ model, value: 'what' });
    expect(thinking.embedding).toEqual(numbers(endpoint.vector('what', 'query', 'always')));
    const instant = await embed({ model, value: 'what', providerOptions: { o1: { think: 'never' } } });
    expect(instant.embedding).toEqual(numbers(endpoint.vector('what', 'query', 'never')));
    expect(endpoint.seen[0]).toMatchObject({
      headers: { authorization: 'Bearer secret' },
      body: { model: 'my-model' },
    });
  });

  test('a setting that does not exist is an error', async () => {
    const o1 = createO1Embedder({ baseURL: endpoint.baseURL });
    // @ts-expect-error: there is no such setting
    expect(() => o1.embeddingModel('m', { inputtype: 'query' })).toThrow(/settings: .*inputtype/);
    const call = embed({ model: o1.embeddingModel(), value: 'x', providerOptions: { o1: { think: 'sometimes' } } });
    await expect(call).rejects.toThrow(/providerOptions\.o1: .*never/);
    expect(endpoint.seen).toEqual([]);
  });

  test('thinking is for queries: for documents it is an error, not silently left out', async () => {
    const model = createO1Embedder({ baseURL: endpoint.baseURL }).embeddingModel('m', { think: 'always' });
    await expect(embed({ model, value: 'x' })).rejects.toThrow('Give inputType "query" too.');
    expect(endpoint.seen).toEqual([]);
    await embed({ model, value: 'x', providerOptions: { o1: { inputType: 'query' } } });
    await embed({ model, value: 'x', providerOptions: { o1: { think: 'never' } } });
    expect(endpoint.seen).toHaveLength(2);
  });

  test('a busy server is asked again by the AI SDK, which is told when', async () => {
    endpoint.refusals.push({ status: 429, headers: { 'retry-after': '0' }, body: '{}' });
    const model = createO1Embedder({ baseURL: endpoint.baseURL }).embeddingModel();
    await embed({ model, value: 'x' });
    expect(endpoint.seen).toHaveLength(2);

    endpoint.refusals.push({ status: 429, headers: { 'retry-after': '0' }, body: '{"error":{"message":"full"}}' });
    const once = embed({ model, value: 'x', maxRetries: 0 });
    await expect(once).rejects.toMatchObject({
      statusCode: 429,
      isRetryable: true,
      responseHeaders: { 'retry-after': '0' },
    });
    expect(endpoint.seen).toHaveLength(3);
  });

  test('what cannot succeed is not repeated', async () => {
    endpoint.refusals.push({ status: 400, body: '{"error":{"message":"input must not be empty"}}' });
    const call = embed({ model: createO1Embedder({ baseURL: endpoint.baseURL }).embeddingModel(), value: '' });
    await expect(call).rejects.toThrow('the server answered 400: input must not be empty');
    expect(endpoint.seen).toHaveLength(1);
  });

  test('an aborted call ends', async () => {
    endpoint.silent = true;
    const controller = new AbortController();
    const model = createO1Embedder({ baseURL: endpoint.baseURL }).embeddingModel();
    const call = expect(embed({ model, value: 'x', abortSignal: controller.signal })).rejects.toThrow('enough');
    while (endpoint.seen.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    controller.abort(new Error('enough'));
    await call;
  });

  test('it is a provider like others', async () => {
    const o1 = createO1Embedder({ baseURL: endpoint.baseURL });
    const registry = createProviderRegistry({ o1 });
    await embed({ model: registry.embeddingModel('o1:some-model'), value: 'x' });
    expect(endpoint.seen[0]!.body.model).toBe('some-model');
    expect(() => o1.languageModel('gpt')).toThrow('No such languageModel: gpt');
    expect(() => o1.imageModel('dall-e')).toThrow('No such imageModel: dall-e');
  });
});

test("in this process: the embedder's own vectors", async () => {
  const embedder = await tinyEmbedder();
  const o1 = createO1Embedder({ embedder });
  const { embeddings, usage } = await embedMany({ model: o1.embeddingModel(), values: ['one', 'two'] });
  const expected = await embedder.embedDocuments(['one', 'two']);
  expect(embeddings).toEqual(expected.map((vector) => Array.from(vector)));
  expect(usage.tokens).toBe(6);

  const query = await embedder.embedQuery('one', { think: 'always' });
  const ask = (think: 'never' | 'always') =>
    embed({ model: o1.embeddingModel(undefined, { inputType: 'query', think }), value: 'one' });
  expect(cosine((await ask('never')).embedding, query.instant)).toBeCloseTo(1, 5);
  expect((await ask('always')).embedding).toEqual(Array.from(query.vector));
  await embedder.close();
});
