import fc from 'fast-check';
import { expect, test } from 'vitest';
import { FakeEngine } from '../../test/support/fake-engine.js';
import { createApp } from './app.js';
import { localService } from './local-service.js';

/** On a machine that does other work too, everything takes many times as long. */
const PATIENTLY = { timeout: 30_000 };

/** Bodies that are almost right: whatever comes, the status is one that we mean, and the server lives. */

const BODIES: readonly [string, object][] = [
  [
    '/v1/embeddings',
    { model: 'm', input: ['one', 'two'], encoding_format: 'base64', user: 'u', input_type: 'document' },
  ],
  ['/v1/embeddings', { model: 'm', input: [[1, 2], [3]], dimensions: 3 }],
  ['/v1/embeddings', { model: 'm', input: 'a query', input_type: 'query', think: 'always' }],
  ['/v1/search', { query: 'a', top: 3, think: 'always', thoughts: 2, temperature: 0.5, seed: 1, max_tokens: 4 }],
  ['/v1/thoughts', { query: 'a', think: 'never', deadline_ms: 5, thought: 'b', projection: true }],
];

type Mutation = (body: Record<string, unknown>) => void;

/** Puts any value into a field that is there or is not. */
const replaceField: fc.Arbitrary<Mutation> = fc
  .tuple(
    fc.oneof(
      fc.constantFrom('model', 'input', 'think', 'query', 'thoughts', 'temperature', 'top', 'deadline_ms', 'thought'),
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

const STATUSES = [200, 400, 404, 415];

test('2,000 mutated bodies', async () => {
  const engine = new FakeEngine();
  const service = localService(engine, { now: engine.now });
  const app = createApp({ service });
  const seen = new Map<number, number>();
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...BODIES),
      fc.array(fc.oneof(replaceField, dropField), { maxLength: 3 }),
      damage,
      async ([path, valid], mutations, harm) => {
        const body: Record<string, unknown> = { ...valid };
        for (const mutate of mutations) mutate(body);
        const response = await app.request(path, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: harm(Buffer.from(JSON.stringify(body))),
        });
        const text = await response.text();
        seen.set(response.status, (seen.get(response.status) ?? 0) + 1);
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
  expect(seen.get(200)).toBeGreaterThan(50);
  expect(seen.get(400)).toBeGreaterThan(500);
  await expect.poll(() => service.status!(), PATIENTLY).toMatchObject({ waiting: 0, thinking: 0 });
  expect((await app.request('/healthz')).status).toBe(200);
}, 300_000);
