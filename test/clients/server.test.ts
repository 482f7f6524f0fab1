import { embed, embedMany } from 'ai';
import OpenAI from 'openai';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createO1Embedder } from '../../src/clients/ai-sdk.js';
import { O1Embeddings } from '../../src/clients/langchain.js';
import { cosine, type O1Embedder } from '../../src/embedder/index.js';
import { createApp, engineOf, type Listening, listen, localService } from '../../src/server/index.js';
import { tinyEmbedder } from '../../src/testing/index.js';

/** The clients against the server itself: what they give is what the embedder gives. */

const DOCUMENTS = ['one', 'two and a half', 'three'];
const QUERY = 'how many';

let embedder: O1Embedder;
let server: Listening;
let baseURL: string;
let documents: number[][];
let instant: Float32Array;
let thinking: Float32Array;

beforeAll(async () => {
  // Two embedders of the same seed: the server closes its own.
  embedder = await tinyEmbedder();
  const service = localService(engineOf(await tinyEmbedder(), { modelName: 'tiny' }));
  server = await listen(createApp({ service, apiKey: 'secret' }), { port: 0 });
  baseURL = `${server.address}/v1`;
  documents = (await embedder.embedDocuments(DOCUMENTS)).map((vector) => Array.from(vector));
  const embedding = await embedder.embedQuery(QUERY, { think: 'always' });
  [instant, thinking] = [embedding.instant, embedding.vector];
});
afterAll(async () => {
  await server?.close(0);
  await embedder?.close();
});

/** Vectors of other batches differ in the last bits. */
function expectClose(actual: readonly (readonly number[])[], expected: readonly ArrayLike<number>[]): void {
  expect(actual).toHaveLength(expected.length);
  for (const [i, vector] of actual.entries()) expect(cosine(vector, Array.from(expected[i]!))).toBeCloseTo(1, 6);
}

test('the openai package', async () => {
  const client = new OpenAI({ baseURL, apiKey: 'secret' });
  expect((await client.models.list()).data.map(({ id }) => id)).toEqual(['tiny']);
  const { data, model, usage } = await client.embeddings.create({ model: 'tiny', input: DOCUMENTS });
  expectClose(
    data.map(({ embedding }) => embedding),
    documents,
  );
  expect(model).toBe('tiny');
  expect(usage.prompt_tokens).toBe(DOCUMENTS.join('').length);

  const asNumbers = { model: 'tiny', input: QUERY, encoding_format: 'float', input_type: 'query', think: 'always' };
  const query = await client.embeddings.create(asNumbers as OpenAI.EmbeddingCreateParams);
  expectClose([query.data[0]!.embedding], [thinking]);
});

test('the openai package: errors are of its own classes', async () => {
  const wrongKey = new OpenAI({ baseURL, apiKey: 'guess', maxRetries: 0 });
  await expect(wrongKey.models.list()).rejects.toThrow(OpenAI.AuthenticationError);
  const client = new OpenAI({ baseURL, apiKey: 'secret', maxRetries: 0 });
  const refused = client.embeddings.create({ model: 'tiny', input: 'x', dimensions: 8 });
  await expect(refused).rejects.toThrow(OpenAI.BadRequestError);
  await expect(refused).rejects.toMatchObject({ param: 'dimensions' });
});

describe('the AI SDK', () => {
  test('documents and queries', async () => {
    const o1 = createO1Embedder({ baseURL, apiKey: 'secret' });
    const { embeddings, usage } = await embedMany({ model: o1.embeddingModel('tiny'), values: DOCUMENTS });
    expectClose(embeddings, documents);
    expect(usage.tokens).toBe(DOCUMENTS.join('').length);
    for (const [think, expected] of [
      ['never', instant],
      ['always', thinking],
    ] as const) {
      const model = o1.embeddingModel('tiny', { inputType: 'query', think });
      expectClose([(await embed({ model, value: QUERY })).embedding], [expected]);
    }
  });

  test("the server's own words when it refuses", async () => {
    const o1 = createO1Embedder({ baseURL });
    await expect(embed({ model: o1.embeddingModel(), value: 'x' })).rejects.toThrow(
      'the server answered 401: Expected the header "Authorization: Bearer" with the API key.',
    );
    const model = createO1Embedder({ baseURL, apiKey: 'secret' }).embeddingModel();
    await expect(embed({ model, value: '' })).rejects.toThrow(/the server answered 400: .*must not be empty/);
  });
});

test('LangChain', async () => {
  for (const [think, expected] of [
    [undefined, instant],
    ['always', thinking],
  ] as const) {
    const embeddings = new O1Embeddings({ baseURL, apiKey: 'secret', think, batchSize: 2 });
    expectClose(await embeddings.embedDocuments(DOCUMENTS), documents);
    expectClose([await embeddings.embedQuery(QUERY)], [expected]);
  }
});
