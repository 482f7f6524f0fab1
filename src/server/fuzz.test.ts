import fc from 'fast-check';
import { expect, test } from 'vitest';
import { FakeEngine } from '../../test/support/fake-engine.js';
import { dot } from '../embedder/index.js';
import { createApp } from './app.js';
import type { SearchableStore } from './http/answers.js';
import { localService } from './local-service.js';

/** On a machine that does other work too, everything takes many times as long. */
const PATIENTLY = { timeout: 30_000 };

/** Bodies that are almost right: whatever comes, the status is one that we mean, and the server lives. */

const BODIES: readonly [string, object][] = [
  [
    '/v1/embeddings',
    { model: 'm', input: ['one', 'two'], encoding_format: 'base64', user: 'u', input_type: 'document' },
  ],
  ['/v1/embeddings', { model: 'm', input: [[1, 2], [3]] }],
  ['/v1/embeddings', { model: 'm', input: 'a query', input_type: 'query', think: 'always' }],
  ['/v1/search', { query: 'a', top: 3, think: 'always', thoughts: 2, temperature: 0.5, seed: 1, max_tokens: 4 }],
  ['/v1/thoughts', { query: 'a', deadline_ms: 5, thought: 'b', projection: true }],
  ['/v1/thoughts', { query: 'a', top: 2, think: 'always' }],
];

type Mutation = (body: Record<string, unknown>) => void;

/** Puts any value into a field that is there or is not. */
const replaceField: fc.Arbitrary<Mutation> = fc
  .tuple(
    fc.oneof(
      fc.constantFrom(
        'model',
        'input',
        'think',
        'query',
        'thoughts',
        'temperature',
        'top',
        'deadline_ms',
        'thought',
        'dimensions',
      ),
      fc.string(),
    ),
    fc.oneof(
      fc.jsonValue(),
      fc.double(),
      fc.bigInt().map(Number),
      fc.constantFrom(undefined, '', [], {}, null, [[]], [null]),
    ),
  )
  .map(([key, value]) => (body) => {
    body[key] = value;
  });

/** Leaves a field out. */
const dropField: fc.Arbitrary<Mutation> = fc.nat().map((n) => (body) => {
  const keys = Object.keys(body);
  if (keys.length > 0) delete body[keys[n % keys.length]!];
});

/** Changes the text of the JSON: bytes overwritten, cut off, doubled. */
const damage: fc.Arbitrary<(bytes: Buffer) => Buffer> = fc.oneof(
  { weight: 3, arbitrary: fc.constant((bytes: Buffer) => bytes) },
  fc.tuple(fc.nat(), fc.nat(255)).map(([at, value]) => (bytes: Buffer) => {
    const copy = Buffer.from(bytes);
    copy[at % copy.length] = value;
    return copy;
  }),
  fc.nat().map((end) => (bytes: Buffer) => bytes.subarray(0, end % bytes.length)),
  fc.nat().map((at) => (bytes: Buffer) => Buffer.concat([bytes.subarray(at % bytes.length), bytes])),
);

const STATUSES = [200, 400, 415];

test('2,000 mutated bodies', async () => {
  const engine = new FakeEngine();
  const service = localService(engine, { now: engine.now });
  const documents = ['one', 'two', 'three'].map((id) => ({ id, text: id, textHash: '', vector: engine.embed(id) }));
  const store: SearchableStore = {
    search: async (vector, { k = 10 } = {}) =>
      documents.map(({ id, text, vector: own }) => ({ id, text, score: dot(own, vector) })).slice(0, k),
    get: async () => new Map(documents.map((one) => [one.id, one])),
  };
  const app = createApp({ service, store });
  const send = (path: string, body: string | Buffer) =>
    app.request(path, { method: 'POST', headers: { 'content-type': 'application/json' }, body });
  for (const [path, valid] of BODIES) expect((await send(path, JSON.stringify(valid))).status).toBe(200);
  const seen = new Map<string, number>();
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...BODIES),
      fc.array(fc.oneof(replaceField, dropField), { maxLength: 3 }),
      damage,
      async ([path, valid], mutations, harm) => {
        const body: Record<string, unknown> = { ...valid };
        for (const mutate of mutations) mutate(body);
        const response = await send(path, harm(Buffer.from(JSON.stringify(body))));
        const text = await response.text();
        const key = `${path} ${response.status}`;
        seen.set(key, (seen.get(key) ?? 0) + 1);
        expect(STATUSES).toContain(response.status);
        if (response.status === 200) {
          expect(text).not.toContain('event: error');
        } else {
          const { error } = JSON.parse(text);
          expect(error).toEqual({
            message: expect.stringMatching(/./),
            type: 'invalid_request_error',
            param: error.param === null ? null : expect.any(String),
            code: expect.any(String),
          });
        }
      },
    ),
    { numRuns: 2000 },
  );
  // Both ways were tried, and nothing is left behind.
  for (const path of ['/v1/embeddings', '/v1/search', '/v1/thoughts']) {
    expect(seen.get(`${path} 200`)).toBeGreaterThan(20);
    expect(seen.get(`${path} 400`)).toBeGreaterThan(100);
  }
  await expect.poll(() => service.status!(), PATIENTLY).toMatchObject({ waiting: 0, thinking: 0 });
  expect((await app.request('/healthz')).status).toBe(200);
}, 300_000);
