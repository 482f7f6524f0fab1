import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ApiError, httpSource } from '../../src/clients/index.js';
import { O1Error } from '../../src/errors.js';
import { FakeEndpoint } from './fake-endpoint.js';

let endpoint: FakeEndpoint;
beforeEach(async () => {
  endpoint = await FakeEndpoint.start();
});
afterEach(() => endpoint.close());

const busy = (headers: Record<string, string> = { 'retry-after': '0' }) => ({
  status: 429,
  headers,
  body: '{"error":{"message":"the queue is full","type":"rate_limit_error","param":null,"code":"queue_full"}}',
});

describe('httpSource', () => {
  test('sends what the server takes, and reads vectors to the last bit', async () => {
    const source = httpSource({
      baseURL: `${endpoint.baseURL}/`,
      apiKey: 'secret',
      headers: { 'x-team': 'docs', 'x-no': undefined },
    });
    const { vectors, tokens } = await source.embed(['one two', 'three'], {
      inputType: 'query',
      think: 'always',
      model: 'some-model',
      headers: { 'x-call': '7' },
    });
    expect(vectors).toEqual([
      endpoint.vector('one two', 'query', 'always'),
      endpoint.vector('three', 'query', 'always'),
    ]);
    expect(tokens).toBe(3);
    const [{ path, headers, body }] = endpoint.seen as [(typeof endpoint.seen)[0]];
    expect(path).toBe('/v1/embeddings');
    expect(headers).toMatchObject({ authorization: 'Bearer secret', 'x-team': 'docs', 'x-call': '7' });
    expect(headers).not.toHaveProperty('x-no');
    expect(body).toEqual({
      model: 'some-model',
      input: ['one two', 'three'],
      input_type: 'query',
      think: 'always',
      encoding_format: 'base64',
    });
  });

  test('a header that is given takes the place of one of its own, however it is written', async () => {
    const source = httpSource({
      baseURL: endpoint.baseURL,
      apiKey: 'secret',
      headers: { Authorization: 'Bearer other' },
    });
    await source.embed(['one'], { inputType: 'document' });
    await source.embed(['one'], { inputType: 'document', headers: { AUTHORIZATION: 'Bearer third' } });
    expect(endpoint.seen.map(({ headers }) => headers.authorization)).toEqual(['Bearer other', 'Bearer third']);
  });

  test('says nothing of thinking for documents, and asks nothing for no texts', async () => {
    const source = httpSource({ baseURL: endpoint.baseURL });
    await source.embed(['one'], { inputType: 'document', think: 'always' });
    expect(endpoint.seen[0]!.body).not.toHaveProperty('think');
    expect(await source.embed([], { inputType: 'document' })).toEqual({ vectors: [], tokens: 0 });
    expect(endpoint.seen).toHaveLength(1);
  });

  test('asks a busy server again, as often as it may', async () => {
    endpoint.refusals.push(busy(), { ...busy(), status: 503 });
    const { vectors } = await httpSource({ baseURL: endpoint.baseURL, maxRetries: 2 }).embed(['a'], {
      inputType: 'document',
    });
    expect(vectors).toHaveLength(1);
    expect(endpoint.seen).toHaveLength(3);

    endpoint.refusals.push(busy(), busy());
    const once = httpSource({ baseURL: endpoint.baseURL, maxRetries: 1 }).embed(['a'], { inputType: 'document' });
    await expect(once).rejects.toMatchObject({ status: 429, retryAfterMs: 0 });
    await expect(once).rejects.toThrow('/v1/embeddings: the server answered 429: the queue is full');
    expect(endpoint.seen).toHaveLength(5);
  });

  test('waits as long as the server says, in seconds or until a date', async () => {
    for (const header of [() => '1', () => new Date(Date.now() + 2_000).toUTCString()]) {
      endpoint.refusals.push(busy({ 'retry-after': header() }));
      const start = performance.now();
      await httpSource({ baseURL: endpoint.baseURL }).embed(['a'], { inputType: 'document' });
      // A date has whole seconds: of two at least one is left.
      expect(performance.now() - start).toBeGreaterThan(900);
    }
  });

  test('does not wait for a server that asks for more than a minute', async () => {
    endpoint.refusals.push(busy({ 'retry-after': '3600' }));
    const answer = httpSource({ baseURL: endpoint.baseURL }).embed(['a'], { inputType: 'document' });
    await expect(answer).rejects.toMatchObject({ status: 429, retryAfterMs: 3_600_000 });
    expect(endpoint.seen).toHaveLength(1);
  });

  test('does not repeat what cannot succeed', async () => {
    endpoint.refusals.push({ status: 400, body: '{"error":{"message":"input must not be empty"}}' });
    const answer = httpSource({ baseURL: endpoint.baseURL }).embed([''], { inputType: 'document' });
    await expect(answer).rejects.toThrow(ApiError);
    await expect(answer).rejects.toThrow('the server answered 400: input must not be empty');
    expect(endpoint.seen).toHaveLength(1);
  });

  test('an error page that is no JSON is told by its status', async () => {
    endpoint.refusals.push({ status: 502, body: '<html>' });
    const answer = httpSource({ baseURL: endpoint.baseURL }).embed(['a'], { inputType: 'document' });
    await expect(answer).rejects.toThrow('the server answered 502: Bad Gateway');
  });

  test('stops at once when it is aborted, while it waits to ask again or for the answer', async () => {
    const stopped = new Error('no longer needed');
    endpoint.refusals.push(busy({ 'retry-after': '50' }));
    for (const silent of [false, true]) {
      endpoint.silent = silent;
      const controller = new AbortController();
      const asked = endpoint.seen.length;
      const answer = httpSource({ baseURL: endpoint.baseURL }).embed(['a'], {
        inputType: 'document',
        signal: controller.signal,
      });
      const rejected = expect(answer).rejects.toBe(stopped);
      while (endpoint.seen.length === asked) await new Promise((resolve) => setTimeout(resolve, 5));
      controller.abort(stopped);
      await rejected;
    }
  });

  test.each([
    ['no JSON', 'hello'],
    ['another answer', '{"object":"list"}'],
    ['vectors as numbers', '{"data":[{"index":0,"embedding":[1,2]}],"usage":{"prompt_tokens":1}}'],
    ['too few vectors', '{"data":[],"usage":{"prompt_tokens":1}}'],
    ['a vector of another text', '{"data":[{"index":3,"embedding":"AAAA"}],"usage":{"prompt_tokens":1}}'],
  ])('%s instead of an answer is an error that says what came', async (_, body) => {
    endpoint.refusals.push({ status: 200, body });
    const answer = httpSource({ baseURL: endpoint.baseURL }).embed(['a'], { inputType: 'document' });
    await expect(answer).rejects.toThrow(O1Error);
    await expect(answer).rejects.toThrow(/\/v1\/embeddings: expected .*, got/);
  });

  test.each(['', 'localhost:8080', 'file:///tmp'])('%j is no address', (baseURL) => {
    expect(() => httpSource({ baseURL })).toThrow('baseURL must be an http or https address');
  });
});
