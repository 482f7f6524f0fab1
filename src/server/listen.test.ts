import { connect, type Socket } from 'node:net';
import pino from 'pino';
import { afterEach, describe, expect, test } from 'vitest';
import { FakeEngine, type FakeEngineSettings } from '../../test/support/fake-engine.js';
import { createApp } from './app.js';
import { type Listening, type ListenOptions, listen } from './listen.js';
import { localService } from './local-service.js';

/** On a machine that does other work too, everything takes many times as long. */
const PATIENTLY = { timeout: 30_000 };

/** What needs a real socket. */

let listening: Listening | undefined;
afterEach(async () => {
  await listening?.close(0);
  listening = undefined;
});

async function started(engineSettings: FakeEngineSettings = {}, options: Partial<ListenOptions> = {}) {
  const engine = new FakeEngine(engineSettings);
  const service = localService(engine, { now: engine.now });
  const lines: { path: string; status: number }[] = [];
  const log = pino({}, { write: (line: string) => lines.push(JSON.parse(line)) });
  listening = await listen(createApp({ service, log }), { port: 0, ...options });
  const post = (path: string, body: object, signal?: AbortSignal) =>
    fetch(`${listening!.address}${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
      ...(signal ? { signal } : {}),
    });
  return { engine, service, post, lines, port: listening.port };
}

/** Sends raw bytes and gives what came back when the server has ended the connection. */
function answerTo(port: number, talk: (socket: Socket) => void): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = '';
    const socket = connect(port, '127.0.0.1', () => talk(socket));
    socket.on('data', (chunk) => {
      text += chunk;
    });
    socket.on('error', (error: NodeJS.ErrnoException) => error.code !== 'ECONNRESET' && reject(error));
    socket.on('close', () => resolve(text));
  });
}

const breathing = () => new Promise<void>(setImmediate);

describe('clients that are slow', () => {
  const timeouts = { headersTimeoutMs: 200, requestTimeoutMs: 400 };

  test('with their headers', async () => {
    const { port } = await started({}, timeouts);
    const answer = await answerTo(port, (socket) => {
      socket.write('POST /v1/search HTTP/1.1\r\nHost: localhost\r\n');
      const drip = setInterval(() => socket.write('X-Slow: 1\r\n'), 50);
      socket.on('close', () => clearInterval(drip));
    });
    expect(answer).toMatch(/^HTTP\/1\.1 408 /);
  });

  test('with their body', async () => {
    const { port, post } = await started({}, timeouts);
    const answer = await answerTo(port, (socket) => {
      socket.write(
        'POST /v1/embeddings HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{',
      );
      const drip = setInterval(() => socket.write(' '), 50);
      socket.on('close', () => clearInterval(drip));
    });
    expect(answer).toMatch(/^HTTP\/1\.1 40[08] /);
    expect((await post('/v1/embeddings', { model: 'm', input: 'a' })).status).toBe(200);
  });
});

describe('clients that go away in the middle of a thought', () => {
  test.each([
    // A stream's status was sent with its first event.
    ['/v1/thoughts', { query: 'long story', think: 'always' }, 200],
    ['/v1/embeddings', { model: 'm', input: 'long story', input_type: 'query', think: 'always' }, 499],
  ])('%s', async (path, body, status) => {
    const { engine, service, post, lines } = await started({ pause: breathing });
    const controller = new AbortController();
    const asked = post(path, body, controller.signal);
    asked.catch(() => {});
    await expect.poll(() => service.status!().thinking, PATIENTLY).toBe(1);
    controller.abort();
    await expect.poll(() => service.status!().thinking, PATIENTLY).toBe(0);
    expect(engine.cancelled).toEqual(['long story']);
    await expect.poll(() => lines, PATIENTLY).toEqual([expect.objectContaining({ path, status })]);
    expect((await post('/v1/embeddings', { model: 'm', input: 'a' })).status).toBe(200);
  });

  test('in the middle of their body', async () => {
    const { engine, port, post } = await started();
    await answerTo(port, (socket) => {
      socket.write(
        'POST /v1/embeddings HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{"model',
        () => setTimeout(() => socket.destroy(), 20),
      );
    });
    expect((await post('/v1/embeddings', { model: 'm', input: 'a' })).status).toBe(200);
    expect(engine.runs).toHaveLength(1);
  });
});

test.each([
  ['garbage', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n', /^HTTP\/1\.1 400 /],
  ['no host', 'GET /v1/models HTTP/1.1\r\n\r\n', /^HTTP\/1\.1 400 /],
  ['a name of somebody else', 'GET /v1/models HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n', / 403 /],
  [
    'an absolute address',
    'GET http://evil.example/v1/models HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n',
    / 403 /,
  ],
  [
    'a way out of the root',
    'GET /assets/../../../etc/passwd HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n',
    / 404 /,
  ],
  ['endless headers', `GET / HTTP/1.1\r\nHost: localhost\r\nX: ${'a'.repeat(20_000)}\r\n\r\n`, / 431 /],
  [
    'a chunked body that is too long',
    `POST /v1/search HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n${'100000\r\n'.concat('a'.repeat(0x100000), '\r\n').repeat(5)}0\r\n\r\n`,
    / 413 /,
  ],
])('%s', async (_, bytes, status) => {
  const { port, post } = await started();
  expect(await answerTo(port, (socket) => socket.write(bytes))).toMatch(status);
  expect((await post('/v1/embeddings', { model: 'm', input: 'a' })).status).toBe(200);
});

test('an idle connection is kept for longer than clients keep it', async () => {
  const { post } = await started();
  const { headers } = await post('/v1/embeddings', { model: 'm', input: 'a' });
  expect(headers.get('keep-alive')).toBe('timeout=65');
});

test('an address that is taken', async () => {
  const { port } = await started();
  const second = listen(createApp({ service: localService(new FakeEngine()) }), { port });
  await expect(second).rejects.toThrow(`127.0.0.1:${port}: cannot listen:`);
  await expect(second).rejects.toThrow('give another --port');
});

test('closing waits for answers that are being made', async () => {
  let letGo = () => {};
  const held = new Promise<void>((resolve) => {
    letGo = resolve;
  });
  const { post, service } = await started({ pause: ({ kind }) => (kind === 'step' ? held : undefined) });
  const asked = post('/v1/embeddings', { model: 'm', input: 'a story', input_type: 'query', think: 'always' });
  await expect.poll(() => service.status!().thinking, PATIENTLY).toBe(1);
  listening!.stop();
  const closed = service.close();
  letGo();
  await closed;
  await listening!.close(60_000);
  expect((await asked).status).toBe(200);
  await expect(post('/v1/embeddings', { model: 'm', input: 'a' })).rejects.toThrow();
});
