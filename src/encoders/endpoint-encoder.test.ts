import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type EndpointError, type EndpointSettings, endpointEncoder } from './index.js';

const KEY = 'sk-a-very-secret-key-0123456789';

type Answer = (request: { body: { input: string[] } }, response: ServerResponse) => void;

/** What the endpoint does with the coming requests; then all is well. */
let faults: Answer[];
let requests: { input: string[]; authorization: string | undefined }[];
let url: string;
let close: () => void;

const good: Answer = ({ body }, response) => {
  const data = body.input.map((text, index) => ({ index, embedding: [text.length, 0, 1] }));
  response.end(JSON.stringify({ data: data.reverse() }));
};

beforeEach(async () => {
  [faults, requests] = [[], []];
  const server = createServer(async (request: IncomingMessage, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = JSON.parse(Buffer.concat(chunks).toString());
    requests.push({ input: body.input, authorization: request.headers.authorization });
    (faults.shift() ?? good)({ body }, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`;
  close = () => {
    server.closeAllConnections();
    server.close();
  };
});
afterEach(() => close());

const encoder = (settings: Partial<EndpointSettings> = {}) =>
  endpointEncoder({ url, model: 'm', apiKey: KEY, firstWaitMs: 1, ...settings });

const status =
  (code: number, headers: Record<string, string> = {}): Answer =>
  (_, response) =>
    void response.writeHead(code, headers).end(`wrong key ${KEY}`);

test('unit vectors in the order of the texts, in batches, with the key', async () => {
  const one = encoder({ batchSize: 2 });
  const progress: number[] = [];
  expect(() => one.dimensions).toThrow(/first answer/);
  const vectors = await one.embed(['a', 'bbb', 'cc'], { onProgress: ({ done }) => progress.push(done) });
  expect(vectors.map(([first, , third]) => first! / third!)).toEqual([1, expect.closeTo(3, 5), 2]);
  for (const vector of vectors) expect(Math.hypot(...vector)).toBeCloseTo(1, 6);
  expect(one.dimensions).toBe(3);
  expect(progress).toEqual([2, 3]);
  expect(requests).toEqual([
    { input: ['a', 'bbb'], authorization: `Bearer ${KEY}` },
    { input: ['cc'], authorization: `Bearer ${KEY}` },
  ]);
});

test('what may pass is asked again: 429, 500, other JSON, half a body, a hang, vectors that are none', async () => {
  faults = [
    status(429, { 'retry-after': '0' }),
    status(500),
    (_, response) => void response.end('{"data": 1}'),
    (_, response) => {
      response.writeHead(200, { 'content-length': '1000' }).write('{"data": [');
      setTimeout(() => response.destroy(), 20);
    },
    () => {},
    (_, response) => void response.end('{"data": [{"index": 0, "embedding": [0, 0, 0]}]}'),
    (_, response) => void response.end('{"data": []}'),
  ];
  const one = encoder({ attempts: 8, timeoutMs: 1500 });
  expect(await one.embed(['a'])).toHaveLength(1);
  expect(requests).toHaveLength(8);
});

test('Retry-After is waited for', async () => {
  faults = [status(503, { 'retry-after': '1' })];
  const start = performance.now();
  await encoder().embed(['a']);
  expect(performance.now() - start).toBeGreaterThan(950);
  faults = [status(429, { 'retry-after': '7200' })];
  // Nobody waits two hours.
  await expect(encoder().embed(['a'])).rejects.toMatchObject({ status: 429, retryAfterMs: 7_200_000 });
});

test('a refusal is not repeated, and no error holds the key', async () => {
  faults = [status(401)];
  const error: EndpointError = await encoder()
    .embed(['a'])
    .catch((thrown) => thrown);
  expect(error).toMatchObject({ name: 'EndpointError', status: 401, isTransient: false });
  expect(error.message).toMatch(/wrong key \[API key\].*Check the API key/);
  expect(requests).toHaveLength(1);
  faults = [status(500), status(500)];
  const last = await encoder({ attempts: 2 })
    .embed(['a'])
    .catch((thrown) => thrown);
  expect(`${last.message} ${last.stack} ${JSON.stringify(last)}`).not.toContain(KEY);
});

test('an abort ends the request and the waiting', async () => {
  const controller = new AbortController();
  faults = [() => controller.abort(new Error('enough'))];
  await expect(encoder().embed(['a'], { signal: controller.signal })).rejects.toThrow('enough');
  const second = new AbortController();
  faults = [
    (request, response) => {
      status(503, { 'retry-after': '60' })(request, response);
      setTimeout(() => second.abort(new Error('no more')), 50);
    },
  ];
  await expect(encoder().embed(['a'], { signal: second.signal })).rejects.toThrow('no more');
});

test('nobody there; settings that are none', async () => {
  close();
  await expect(encoder({ attempts: 2 }).embed(['a'])).rejects.toThrow(/no connection/);
  expect(() => encoder({ url: 'http://host/v1?key=secret' })).toThrow(/^(?!.*secret).*without password or parameters/);
  expect(() => encoder({ batchSize: 0 })).toThrow(/batchSize/);
  expect(() => encoder({ apiKey: 'two words' })).toThrow(/API key has a space/);
  expect(() => encoder({ apiKey: 'two words' })).not.toThrow(/two words/);
  expect(encoder().fingerprint).not.toBe(encoder({ model: 'n' }).fingerprint);
});
