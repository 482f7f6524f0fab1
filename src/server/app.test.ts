import OpenAI from 'openai';
import pino from 'pino';
import { describe, expect, test } from 'vitest';
import { FakeEngine, type FakeEngineSettings } from '../../test/support/fake-engine.js';
import { dot, type ModelRun } from '../embedder/index.js';
import { type AppOptions, createApp } from './app.js';
import type { SearchableStore } from './http/answers.js';
import { localService } from './local-service.js';
import type { SchedulerSettings } from './scheduler/scheduler.js';

/** On a machine that does other work too, everything takes many times as long. */
const PATIENTLY = { timeout: 30_000 };

const DOCUMENTS = [
  { id: 'cats', title: 'Cats', text: 'cats purr and sleep', metadata: { kind: 'animal' } },
  { id: 'dogs', text: 'dogs bark and run' },
  { id: 'logs', text: 'rotate logs with logrotate' },
];

function storeOf(engine: FakeEngine): SearchableStore {
  const stored = DOCUMENTS.map((document) => ({ ...document, textHash: '', vector: engine.embed(document.text) }));
  return {
    search: async (vector, { k = 10 } = {}) =>
      stored
        .map(({ vector: own, textHash: _, ...document }) => ({ ...document, score: dot(own, vector) }))
        .sort((a, b) => b.score - a.score)
        .slice(0, k),
    get: async (ids) => new Map(stored.filter(({ id }) => ids.includes(id)).map((one) => [one.id, one])),
  };
}

function fixture(
  options: Partial<AppOptions> = {},
  engineSettings: FakeEngineSettings = {},
  settings: SchedulerSettings = {},
) {
  const engine = new FakeEngine(engineSettings);
  const service = localService(engine, { now: engine.now, ...settings });
  const app = createApp({ service, store: storeOf(engine), ...options });
  const post = (path: string, body: unknown, init: RequestInit = {}) =>
    app.request(path, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: typeof body === 'string' ? body : JSON.stringify(body),
      ...init,
    });
  return { engine, service, app, post };
}

interface ServerSentEvent {
  readonly event: string;
  readonly data: { [key: string]: never };
}

async function eventsOf(response: Response): Promise<ServerSentEvent[]> {
  const blocks = (await response.text()).trimEnd().split('\n\n');
  return blocks.map((block) => {
    const [event, data] = block.split('\n');
    return { event: event!.replace('event: ', ''), data: JSON.parse(data!.replace('data: ', '')) };
  });
}

/** All that the JSON answers have. */
interface Answer {
  readonly error: {
    readonly code: string;
    readonly message: string;
    readonly param: string | null;
    readonly type: string;
  };
  readonly data: readonly { readonly embedding: number[] & string }[];
  readonly usage: object;
  readonly hits: readonly { readonly id: string }[];
  readonly thoughts: readonly { readonly finish_reason: string }[];
  readonly basis: string;
  readonly timings: object;
}

const json = async (response: Response | Promise<Response>) => (await (await response).json()) as Answer;

const idsOf = (hits: readonly { id: string }[]) => hits.map(({ id }) => id);

describe('POST /v1/embeddings', () => {
  test('the openai package gets its vectors', async () => {
    const { app, engine } = fixture();
    const client = new OpenAI({
      apiKey: 'none',
      baseURL: 'http://localhost/v1',
      fetch: async (url, init) => app.request(url as string, init),
    });
    const answer = await client.embeddings.create({ model: 'any', input: ['one two', 'three'] });
    expect(answer.data.map(({ embedding }) => Float32Array.from(embedding))).toEqual([
      engine.embed('one two'),
      engine.embed('three'),
    ]);
    expect(answer).toMatchObject({ object: 'list', model: 'fake', usage: { prompt_tokens: 3, total_tokens: 3 } });
    const floats = await client.embeddings.create({ model: 'any', input: 'one two', encoding_format: 'float' });
    expect(Float32Array.from(floats.data[0]!.embedding)).toEqual(engine.embed('one two'));
    const { data } = await client.models.list();
    expect(data.map(({ id }) => id)).toEqual(['fake']);
    const wrong = client.embeddings.create({ model: 'any', input: 'a', dimensions: 5 });
    await expect(wrong).rejects.toMatchObject({ status: 400, param: 'dimensions', code: 'invalid_value' });
  });

  test('base64 is little-endian float32', async () => {
    const { post, engine } = fixture();
    const body = { model: 'm', input: 'a b', encoding_format: 'base64' };
    const { data } = await json(post('/v1/embeddings', body));
    const bytes = Buffer.from(data[0]!.embedding, 'base64');
    expect([...engine.embed('a b')].map((_, i) => bytes.readFloatLE(4 * i))).toEqual([...engine.embed('a b')]);
  });

  test('token ids of documents', async () => {
    const { post, engine } = fixture();
    const one = await json(post('/v1/embeddings', { model: 'm', input: [1, 2] }));
    expect(Float32Array.from(one.data[0]!.embedding)).toEqual(engine.embed('w1 w2'));
    const two = await json(post('/v1/embeddings', { model: 'm', input: [[3], [4, 5]] }));
    expect(two.data.map(({ embedding }) => Float32Array.from(embedding))).toEqual([
      engine.embed('w3'),
      engine.embed('w4 w5'),
    ]);
    const foreign = await post('/v1/embeddings', { model: 'm', input: [50_000] });
    expect([foreign.status, (await json(foreign)).error.message]).toEqual([
      400,
      expect.stringContaining('token id 50000 is not one of'),
    ]);
  });

  test('queries think where they are asked to, many at a time', async () => {
    const { post, engine } = fixture({}, {}, { maxWaiting: 20 });
    const input = Array.from({ length: 50 }, (_, i) => `query ${i}`);
    const instant = await json(post('/v1/embeddings', { model: 'm', input, input_type: 'query' }));
    expect(Float32Array.from(instant.data[49]!.embedding)).toEqual(engine.embed('query 49'));
    expect(instant.usage).toEqual({ prompt_tokens: 100, total_tokens: 100 });
    const body = { model: 'm', input: ['query 1'], input_type: 'query', think: 'always' };
    const thinking = await json(post('/v1/embeddings', body));
    expect(Float32Array.from(thinking.data[0]!.embedding)).not.toEqual(engine.embed('query 1'));
    expect(thinking.usage).toEqual({ prompt_tokens: 2, total_tokens: 6 });
  });
});

test('a request of many queries goes through a queue that is shorter than it', async () => {
  const { post } = fixture({}, {}, { maxWaiting: 4 });
  const input = Array.from({ length: 50 }, (_, i) => `query ${i}`);
  const response = await post('/v1/embeddings', { model: 'm', input, input_type: 'query' });
  expect([response.status, (await json(response)).data.length]).toEqual([200, 50]);
});

test('of a request of many queries none is taken: it is refused', async () => {
  let letGo = () => {};
  const held = new Promise<void>((resolve) => {
    letGo = resolve;
  });
  const { post, service } = fixture({}, { pause: () => held }, { maxWaiting: 1 });
  const first = post('/v1/embeddings', { model: 'm', input: 'a' });
  await expect.poll(() => service.status!().waiting, PATIENTLY).toBe(1);
  const many = { model: 'm', input: Array(50).fill('b'), input_type: 'query' };
  expect((await post('/v1/embeddings', many)).status).toBe(429);
  letGo();
  expect((await first).status).toBe(200);
});

test('long token lists are decoded as far as they are read, and no longer', async () => {
  const { post, engine } = fixture();
  const decoded: number[] = [];
  const decode = engine.decodeTokens.bind(engine);
  engine.decodeTokens = (ids) => {
    decoded.push(ids.length);
    return decode(ids);
  };
  const input = Array.from({ length: 3 }, () => Array(50_000).fill(7));
  expect((await post('/v1/embeddings', { model: 'm', input })).status).toBe(200);
  expect(decoded).toEqual([13, 13, 13]);
});

test('query tokens are counted as far as they are read', async () => {
  const { post } = fixture();
  const body = { model: 'm', input: Array(100).fill('word').join(' '), input_type: 'query' };
  expect((await json(post('/v1/embeddings', body))).usage).toEqual({ prompt_tokens: 8, total_tokens: 8 });
});

test('one query that fails ends the others of its request', async () => {
  const { post, service } = fixture({}, { pause: () => new Promise(setImmediate) });
  const body = { model: 'm', input: ['long story', 'poison'], input_type: 'query', think: 'always' };
  expect((await post('/v1/embeddings', body)).status).toBe(500);
  await expect.poll(() => service.status!(), PATIENTLY).toMatchObject({ waiting: 0, thinking: 0 });
});

describe('what is wrong with a body', () => {
  const valid = { model: 'm', input: 'text' };
  test.each([
    ['no input', { model: 'm' }, 'missing_required_parameter', 'input'],
    ['no model', { input: 'a' }, 'missing_required_parameter', 'model'],
    ['an unknown field', { ...valid, dimension: 3 }, 'unknown_parameter', 'dimension'],
    ['an empty text', { ...valid, input: '' }, 'invalid_value', 'input'],
    ['no texts', { ...valid, input: [] }, 'invalid_value', 'input'],
    ['a wrong text among others', { ...valid, input: ['a', 'b', 3] }, 'invalid_value', 'input[2]'],
    ['an empty text among others', { ...valid, input: ['a', ''] }, 'invalid_value', 'input[1]'],
    ['half a token', { ...valid, input: [1, 2.5] }, 'invalid_value', 'input[1]'],
    ['a negative token', { ...valid, input: [[1], [-2]] }, 'invalid_value', 'input[1][0]'],
    ['an object for input', { ...valid, input: { text: 'a' } }, 'invalid_value', 'input'],
    ['a number for model', { ...valid, model: 3 }, 'invalid_type', 'model'],
    ['an unknown encoding', { ...valid, encoding_format: 'hex' }, 'invalid_value', 'encoding_format'],
    ['documents that think', { ...valid, think: 'always' }, 'invalid_value', 'think'],
    ['queries of token ids', { ...valid, input: [1], input_type: 'query' }, 'invalid_value', 'input'],
    ['too many texts', { ...valid, input: Array(2049).fill('a') }, 'invalid_value', 'input'],
    ['too long a text', { ...valid, input: ['a', 'b'.repeat(50_001)] }, 'invalid_value', 'input[1]'],
    ['too long a query', { ...valid, input: 'b'.repeat(10_001), input_type: 'query' }, 'invalid_value', 'input'],
    ['null', null, 'invalid_type', null],
    ['a list', [valid], 'invalid_type', null],
    ['a prototype', '{"model":"m","input":"a","__proto__":{"admin":true}}', 'unknown_parameter', '__proto__'],
  ])('%s', async (_, body, code, param) => {
    const { post, engine } = fixture();
    const response = await post('/v1/embeddings', body);
    const { error } = await json(response);
    expect([response.status, error.code, error.param]).toEqual([400, code, param]);
    expect(error.type).toBe('invalid_request_error');
    expect(error.message).toMatch(/\.$/);
    expect(engine.runs).toEqual([]);
  });

  test.each([
    ['a blank question', { query: '  ' }, 'query'],
    ['a thought that must not be used', { query: 'a', think: 'never', thought: 'b' }, 'thought'],
    ['too long a question', { query: 'a'.repeat(10_001) }, 'query'],
    ['no hits', { query: 'a', top: 0 }, 'top'],
    ['half a thought', { query: 'a', thoughts: 1.5 }, 'thoughts'],
    ['an endless number', '{"query":"a","temperature":1e999}', 'temperature'],
    ['a deadline in the past', { query: 'a', deadline_ms: -1 }, 'deadline_ms'],
    ['an unknown way to think', { query: 'a', think: 'maybe' }, 'think'],
  ])('search: %s', async (_, body, param) => {
    const { post } = fixture();
    const response = await post('/v1/search', body);
    expect([response.status, (await json(response)).error.param]).toEqual([400, param]);
  });

  test('a picture of more hits than can be drawn while others wait', async () => {
    const { post } = fixture();
    const response = await post('/v1/thoughts', { query: 'a', top: 51, projection: true });
    expect([response.status, (await json(response)).error.param]).toEqual([400, 'top']);
    expect((await post('/v1/thoughts', { query: 'a', top: 51 })).status).toBe(200);
    expect((await post('/v1/thoughts', { query: 'a', top: 50, projection: true })).status).toBe(200);
  });

  test('more thoughts than there is room for', async () => {
    const { post } = fixture();
    const response = await post('/v1/search', { query: 'a', think: 'always', thoughts: 17 });
    expect([response.status, (await json(response)).error.message]).toEqual([
      400,
      'thoughts must be at most 16 here, got 17',
    ]);
  });

  test('no JSON, no UTF-8, another type, too much', async () => {
    const { post, app } = fixture({ maxBodyBytes: 1000 });
    const codeOf = async (response: Response) => [response.status, (await json(response)).error.code];
    expect(await codeOf(await post('/v1/embeddings', '{"model": '))).toEqual([400, 'invalid_json']);
    expect(await codeOf(await post('/v1/embeddings', ''))).toEqual([400, 'invalid_json']);
    const latin1 = Buffer.from('{"model":"m","input":"caf\xe9"}', 'latin1');
    const sent = await app.request('/v1/embeddings', {
      method: 'POST',
      headers: { 'content-type': 'application/json; charset=utf-8' },
      body: latin1,
    });
    expect(await codeOf(sent)).toEqual([400, 'invalid_json']);
    const form = await post('/v1/embeddings', 'a=b', { headers: { 'content-type': 'text/plain' } });
    expect(await codeOf(form)).toEqual([415, 'unsupported_media_type']);
    expect(await codeOf(await post('/v1/embeddings', { ...valid, input: 'a'.repeat(2000) }))).toEqual([
      413,
      'body_too_large',
    ]);
  });

  test('a body nested without end is refused, and the server goes on', async () => {
    const { post } = fixture();
    const response = await post('/v1/embeddings', `{"model":"m","input":${'['.repeat(200_000)}${']'.repeat(200_000)}}`);
    expect(response.status).toBe(400);
    expect((await post('/v1/embeddings', valid)).status).toBe(200);
  });
});

describe('POST /v1/search', () => {
  test('hits of the query alone', async () => {
    const { post } = fixture();
    const response = await post('/v1/search', { query: 'cats', top: 2, think: 'never' });
    const answer = await json(response);
    expect(answer.hits[0]).toEqual({ ...DOCUMENTS[0], score: expect.any(Number) });
    expect(answer.hits).toHaveLength(2);
    expect(answer).toMatchObject({ basis: 'instant', thoughts: [], deadline_reached: false, cached: false });
    expect(answer.timings).toEqual({ prefill_ms: 1, think_ms: 0, total_ms: expect.any(Number) });
  });

  test('with a thought of the model, and with one of the caller', async () => {
    const { post } = fixture();
    const written = await json(post('/v1/search', { query: 'dogs run', think: 'always', thoughts: 2 }));
    expect(written.basis).toBe('thoughts');
    expect(written.thoughts).toEqual([
      { sample: 0, text: 'dogs0 run0 dogs0 run0 ', finish_reason: 'stop', log_probability: -1 },
      { sample: 1, text: 'dogs1 run1 dogs1 run1 ', finish_reason: 'stop', log_probability: -1 },
    ]);
    const given = await json(post('/v1/search', { query: 'which tool', thought: 'rotate logs with logrotate' }));
    expect([given.thoughts[0]!.finish_reason, given.hits[0]!.id]).toEqual(['given', 'logs']);
  });

  test('a deadline', async () => {
    const { post } = fixture();
    const answer = await json(post('/v1/search', { query: 'long cats', think: 'always', deadline_ms: 5 }));
    expect(answer).toMatchObject({ basis: 'instant', deadline_reached: true });
    expect(answer.hits[0]!.id).toBe('cats');
  });

  test('without an index', async () => {
    const { post } = fixture({ store: undefined });
    const response = await post('/v1/search', { query: 'cats' });
    expect([response.status, (await json(response)).error.code]).toEqual([404, 'no_index']);
  });
});

describe('POST /v1/thoughts', () => {
  test('instant hits, the thought as it is written, the final hits and their places', async () => {
    const { post } = fixture();
    const response = await post('/v1/thoughts', { query: 'dogs run', think: 'always', top: 2, projection: true });
    expect(response.headers.get('content-type')).toBe('text/event-stream');
    const events = await eventsOf(response);
    expect(events.map(({ event }) => event)).toEqual(['instant', 'token', 'token', 'token', 'token', 'final']);
    expect(events[0]!.data).toMatchObject({ prefill_ms: 1 });
    expect(idsOf(events[0]!.data.hits!)).toEqual(['dogs', expect.any(String)]);
    expect(events[1]!.data).toEqual({ sample: 0, text: 'dogs0 ' });
    const final = events.at(-1)!.data as unknown as {
      projection: { points: { id: string; kind: string; x: number }[] };
    };
    expect(final).toMatchObject({ basis: 'thoughts', cached: false, thoughts: [{ finish_reason: 'stop' }] });
    const kinds = final.projection.points.map(({ kind }) => kind);
    expect(kinds.slice(-2)).toEqual(['instant', 'final']);
    expect(kinds.filter((kind) => kind === 'document').length).toBeGreaterThanOrEqual(2);
    expect(final.projection.points.every(({ x }) => Number.isFinite(x))).toBe(true);
  });

  test('without an index there are no hits', async () => {
    const { post } = fixture({ store: undefined });
    const events = await eventsOf(await post('/v1/thoughts', { query: 'dogs', think: 'always' }));
    expect(events[0]!.data).toEqual({ prefill_ms: 1 });
    expect(events.at(-1)!.data).not.toHaveProperty('hits');
  });

  test('what breaks in the middle is an event', async () => {
    const { post } = fixture();
    const events = await eventsOf(await post('/v1/thoughts', { query: 'poison', think: 'always' }));
    expect(events.map(({ event }) => event)).toEqual(['instant', 'error']);
    expect(events[1]!.data.error).toMatchObject({ type: 'server_error', code: 'internal_error' });
    expect(JSON.stringify(events)).not.toContain('the model broke');
  });

  test('a search that breaks in the middle ends the stream and frees its place', async () => {
    const store: SearchableStore = {
      search: () => Promise.reject(new Error('the disk broke')),
      get: async () => new Map(),
    };
    const { post, service, engine } = fixture({ store }, { pause: () => new Promise(setImmediate) });
    const events = await eventsOf(await post('/v1/thoughts', { query: 'long story', think: 'always', thoughts: 3 }));
    expect(events.map(({ event }) => event)).toEqual(['error']);
    await expect.poll(() => service.status!(), PATIENTLY).toMatchObject({ waiting: 0, thinking: 0 });
    expect(engine.cancelled).toEqual(['long story']);
  });

  test('a reader that goes away frees its place', async () => {
    const { post, service, engine } = fixture({}, { pause: () => new Promise(setImmediate) });
    const response = await post('/v1/thoughts', { query: 'long story', think: 'always', thoughts: 3 });
    const reader = response.body!.getReader();
    await reader.read();
    expect(service.status!().thinking).toBe(3);
    await reader.cancel();
    await expect.poll(() => service.status!(), PATIENTLY).toMatchObject({ waiting: 0, thinking: 0 });
    expect(engine.cancelled).toEqual(['long story']);
  });

  test('an aborted search frees its place', async () => {
    const { post, service, engine } = fixture({}, { pause: () => new Promise(setImmediate) });
    const controller = new AbortController();
    const asked = post(
      '/v1/search',
      { query: 'long story', think: 'always' },
      {
        headers: { 'content-type': 'application/json' },
        signal: controller.signal,
      },
    );
    await expect.poll(() => service.status!().thinking, PATIENTLY).toBe(1);
    controller.abort();
    await asked;
    await expect.poll(() => service.status!(), PATIENTLY).toMatchObject({ waiting: 0, thinking: 0 });
    expect(engine.cancelled).toEqual(['long story']);
  });
});

describe('load', () => {
  test('a full queue is 429 with Retry-After, also for a stream', async () => {
    let letGo = () => {};
    const held = new Promise<void>((resolve) => {
      letGo = resolve;
    });
    const { post, service } = fixture({}, { pause: () => held }, { maxWaiting: 1 });
    const first = post('/v1/embeddings', { model: 'm', input: 'a' });
    await expect.poll(() => service.status!().waiting, PATIENTLY).toBe(1);
    const [second, third] = await Promise.all([
      post('/v1/embeddings', { model: 'm', input: 'b' }),
      post('/v1/thoughts', { query: 'b' }),
    ]);
    for (const response of [second, third]) {
      expect([response.status, response.headers.get('retry-after')]).toEqual([429, '1']);
      expect((await json(response)).error).toMatchObject({ type: 'rate_limit_error', code: 'queue_full' });
    }
    letGo();
    expect((await first).status).toBe(200);
  });

  test('a stopping service is 503, and not ready', async () => {
    const { app, post, service } = fixture();
    expect((await app.request('/readyz')).status).toBe(200);
    await service.close();
    const response = await post('/v1/embeddings', { model: 'm', input: 'a' });
    expect([response.status, (await json(response)).error]).toEqual([
      503,
      expect.objectContaining({ code: 'service_unavailable', message: expect.stringContaining('is stopping') }),
    ]);
    const ready = await app.request('/readyz');
    expect([ready.status, await json(ready)]).toEqual([503, { status: 'stopping' }]);
    expect((await app.request('/healthz')).status).toBe(200);
  });

  test('a defect is 500 and does not tell its words', async () => {
    const lines: string[] = [];
    const log = pino({}, { write: (line: string) => lines.push(line) });
    const { post } = fixture({ log });
    const response = await post('/v1/embeddings', { model: 'm', input: 'poison' });
    expect(response.status).toBe(500);
    expect(await response.text()).not.toContain('the model broke');
    expect(lines.join('')).toContain('the model broke');
  });
});

describe('who may ask', () => {
  const status = async (headers: Record<string, string>, options: Partial<AppOptions> = {}) =>
    (await fixture(options).app.request('/v1/models', { headers })).status;

  test.each(['localhost:8080', '127.0.0.1', '[::1]:8080', '192.168.0.7:80', 'LOCALHOST', 'localhost.'])(
    'under the name %s',
    async (host) => expect(await status({ host })).toBe(200),
  );

  test.each(['evil.example', 'evil.example:8080', 'localhost.evil.example', 'a@localhost', 'localhost/../x', ''])(
    'not under the name %j',
    async (host) => expect(await status({ host })).toBe(403),
  );

  test('a name that was allowed', async () => {
    expect(await status({ host: 'search.intern:80' }, { hosts: ['Search.intern'] })).toBe(200);
    expect(await status({ host: 'search.intern:8080' }, { hosts: ['search.intern:8080'] })).toBe(200);
  });

  test('pages of this server, no others', async () => {
    const host = 'localhost:8080';
    expect(await status({ host, origin: 'http://localhost:8080' })).toBe(200);
    expect(await status({ host: 'localhost', origin: 'https://localhost' })).toBe(200);
    for (const origin of ['http://localhost:3000', 'https://evil.example', 'null', 'garbage']) {
      expect(await status({ host, origin })).toBe(403);
    }
  });

  test('no CORS unless asked for, and then for one origin', async () => {
    const origin = 'http://localhost:3000';
    const preflight = { method: 'OPTIONS', headers: { origin, 'access-control-request-method': 'POST' } };
    const closed = await fixture().app.request('/v1/search', preflight);
    expect([closed.status, closed.headers.get('access-control-allow-origin')]).toEqual([403, null]);
    const { app } = fixture({ corsOrigin: origin, apiKey: 'secret' });
    const open = await app.request('/v1/search', preflight);
    expect([open.status, open.headers.get('access-control-allow-origin')]).toEqual([204, origin]);
    const answer = await app.request('/healthz', { headers: { origin } });
    expect(answer.headers.get('access-control-expose-headers')).toBe('Retry-After');
    expect(await status({ origin: 'http://localhost:4000' }, { corsOrigin: origin })).toBe(403);
  });

  test('with a key, where there is one', async () => {
    const options = { apiKey: 'a secret key' };
    expect(await status({}, options)).toBe(401);
    expect(await status({ authorization: 'Bearer a secret' }, options)).toBe(401);
    expect(await status({ authorization: 'Basic a secret key' }, options)).toBe(401);
    expect(await status({ authorization: 'Bearer a secret key' }, options)).toBe(200);
    const { app } = fixture(options);
    const refused = await app.request('/v1/search', { method: 'POST' });
    expect((await json(refused)).error.code).toBe('invalid_api_key');
    expect((await app.request('/metrics')).status).toBe(401);
    expect((await app.request('/')).status).toBe(200);
    expect((await app.request('/healthz')).status).toBe(200);
  });
});

describe('the rest', () => {
  test('the page and its files, and nothing else of the disk', async () => {
    const { app } = fixture();
    const page = await app.request('/');
    expect(page.headers.get('content-type')).toContain('text/html');
    expect(page.headers.get('content-security-policy')).toContain("default-src 'self'");
    expect(page.headers.get('x-content-type-options')).toBe('nosniff');
    for (const path of ['/playground.js', '/playground.css']) expect((await app.request(path)).status).toBe(200);
    for (const path of ['/playground.json', '/assets/package.json', '/assets/..%2f..%2fpackage.json', '/etc/passwd']) {
      const response = await app.request(path);
      expect([response.status, (await json(response)).error.code]).toEqual([404, 'not_found']);
    }
  });

  test('another method', async () => {
    const response = await fixture().app.request('/v1/search');
    expect([response.status, response.headers.get('allow')]).toEqual([405, 'POST']);
    expect((await json(response)).error.code).toBe('method_not_allowed');
  });

  test('the model says how it can be asked', async () => {
    const model = async (...how: Parameters<typeof fixture>) =>
      (await json(fixture(...how).app.request('/v1/models'))).data[0];
    const rule = (signal: 'margin' | 'topProbability') =>
      ({ auto: { signal, threshold: 0.5, thinkWhen: 'below' } }) as const;
    expect(await model()).toMatchObject({
      ...{ id: 'fake', object: 'model', dimensions: 64, fingerprint: 'fake/fp32/0' },
      ...{ think: ['never', 'always'], default_think: 'always' },
    });
    expect(await model({}, rule('topProbability'))).toMatchObject({ think: ['never', 'auto', 'always'] });
    expect(await model({}, rule('margin'))).toMatchObject({ think: ['never', 'auto', 'always'] });
    // Without documents there is nothing to search.
    expect(await model({ store: undefined }, rule('margin'))).toMatchObject({ think: ['never', 'always'] });
  });

  test('what it does where a request does not say: never what it would refuse', async () => {
    const engine = new FakeEngine({ auto: { signal: 'margin', threshold: 0.5, thinkWhen: 'below' } });
    const thinking = { ...engine.settings.thinking, think: 'auto' as const };
    Object.assign(engine, { settings: { ...engine.settings, thinking } });
    const service = localService(engine, { now: engine.now });
    for (const [store, byDefault] of [
      [storeOf(engine), 'auto'],
      [undefined, 'always'],
    ] as const) {
      const asked: unknown[] = [];
      const query: typeof service.query = (text, options) => {
        asked.push(options?.think);
        return service.query(text, options);
      };
      const app = createApp({ service: { ...service, query }, store });
      const { data } = await json(app.request('/v1/models'));
      expect(data[0]).toMatchObject({ default_think: byDefault });
      const init = { method: 'POST', headers: { 'content-type': 'application/json' } };
      for (const more of [{}, { thought: 'mine' }, { think: 'never' }]) {
        const body = JSON.stringify({ query: 'cats purr', ...more });
        const response = await app.request('/v1/thoughts', { ...init, body });
        expect((await eventsOf(response)).at(-1)!.event).toBe('final');
      }
      expect(asked).toEqual([byDefault, byDefault, 'never']);
    }
  });

  test('runs of the model are measured by kind', async () => {
    const { service } = fixture();
    let listener: ((run: ModelRun) => void) | undefined;
    const onRun = (one: (run: ModelRun) => void) => {
      listener = one;
    };
    const app = createApp({ service: { ...service, onRun } });
    for (const milliseconds of [4, 31, 500]) listener!({ kind: 'documents', milliseconds });
    const text = await (await app.request('/metrics')).text();
    expect(text).toContain('o1_model_run_seconds_bucket{le="0.05",kind="documents"} 2\n');
    expect(text).toContain('o1_model_run_seconds_sum{kind="documents"} 0.535');
  });

  test('metrics', async () => {
    const { app, post } = fixture();
    await post('/v1/embeddings', { model: 'm', input: 'one two three' });
    await (await post('/v1/thoughts', { query: 'cats purr', think: 'always' })).text();
    await post('/v1/search', { query: 'long cats', think: 'always', deadline_ms: 2 });
    await post('/v1/search', { nonsense: true });
    await app.request('/a/made/up/path');
    const text = await (await app.request('/metrics')).text();
    for (const line of [
      'o1_requests_total{route="/v1/search",status="200"} 1',
      'o1_requests_total{route="/v1/search",status="400"} 1',
      'o1_requests_total{route="other",status="404"} 1',
      'o1_tokens_total{kind="document"} 3',
      'o1_tokens_total{kind="query"} 4',
      // Four of the first, and one of the second until its deadline.
      'o1_tokens_total{kind="thought"} 5',
      'o1_deadline_misses_total 1',
      'o1_thought_cache_total{result="miss"} 1',
      'o1_thinking_seconds_count 1',
      'o1_waiting_requests 0',
      'o1_thoughts_in_progress 0',
    ]) {
      expect(text).toContain(`${line}\n`);
    }
  });

  test('the log has no texts unless they are asked for', async () => {
    for (const logQueries of [false, true]) {
      const lines: string[] = [];
      const log = pino({}, { write: (line: string) => lines.push(line) });
      const { post } = fixture({ log, logQueries });
      await post('/v1/search', { query: 'a private matter' });
      await post('/v1/embeddings', { model: 'm', input: 'a private document' });
      expect(lines).toHaveLength(2);
      expect(JSON.parse(lines[0]!)).toMatchObject({ method: 'POST', path: '/v1/search', status: 200 });
      expect(lines.join('').includes('a private matter')).toBe(logQueries);
      expect(lines.join('')).not.toContain('a private document');
    }
  });
});
