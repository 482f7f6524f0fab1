import { type ChildProcess, spawn } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import OpenAI from 'openai';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { dot } from '../../src/embedder/index.js';
import { resolveModel } from '../../src/models/index.js';
import { compiledSource } from '../support/compile.js';

/** The server with the real model and adapter, as a user starts it. */

/** On a machine that does other work too, everything may take many times as long. */
vi.setConfig({ testTimeout: 300_000 });

const PAGES: Record<string, string> = {
  'watch.md': '# fs.watch(filename)\n\nWatch for changes on `filename`, either a file or a directory.\n',
  'hash.md': '# crypto.createHash(algorithm)\n\nCreates a `Hash` object that makes digests with the given algorithm.\n',
  'gzip.md': '# zlib.gzip(buffer)\n\nCompresses the data in `buffer` with gzip.\n',
};

let home: string;
let server: ChildProcess;
let stderr = '';
let address: string;
let ended: Promise<number | null>;
beforeAll(async () => {
  const main = join(await compiledSource(), 'cli/main.js');
  await resolveModel('smollm2-135m-instruct');
  home = await mkdtemp(join(tmpdir(), 'o1-real-serve-'));
  const docs = join(home, 'docs');
  await mkdir(docs);
  for (const [name, text] of Object.entries(PAGES)) await writeFile(join(docs, name), text);
  const args = [main, 'serve', docs, '--port', '0', '--index', join(home, 'index')];
  server = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  server.stderr!.on('data', (chunk) => {
    stderr += chunk;
  });
  ended = new Promise((resolve) => server.on('close', resolve));
  address = await new Promise((resolve, reject) => {
    server.stdout!.on('data', (chunk) => resolve(/at (http:\S+)/.exec(String(chunk))![1]!));
    void ended.then((code) => reject(new Error(`ended with code ${code}: ${stderr}`)));
  });
});
afterAll(async () => {
  server?.kill('SIGKILL');
  await rm(home, { recursive: true, force: true });
});

const post = async (path: string, body: object) => {
  const headers = { 'content-type': 'application/json' };
  return fetch(`${address}${path}`, { method: 'POST', headers, body: JSON.stringify(body) });
};

test('the openai package: documents, queries, token ids', async () => {
  const client = new OpenAI({ apiKey: 'none', baseURL: `${address}/v1` });
  const [model] = (await client.models.list()).data;
  expect(model!.id).toBe('smollm2-135m-instruct/node-api-scifact');
  const documents = await client.embeddings.create({ model: model!.id, input: Object.values(PAGES) });
  expect(documents.usage.prompt_tokens).toBeGreaterThan(30);
  // `input_type` is a field of this server's own.
  const asked = { model: model!.id, input: 'compress some bytes', input_type: 'query' };
  const query = await client.embeddings.create(asked);
  const scores = documents.data.map(({ embedding }) => dot(embedding, query.data[0]!.embedding));
  expect(scores.indexOf(Math.max(...scores))).toBe(2);
  // 'fs' and '.watch' are whatever these ids mean: what matters is that another model's ids are refused.
  const ids = await client.embeddings.create({ model: model!.id, input: [[101, 102], [103]] });
  expect(ids.data).toHaveLength(2);
  const foreign = client.embeddings.create({ model: model!.id, input: [99_999] });
  await expect(foreign).rejects.toMatchObject({ status: 400, message: expect.stringContaining('cl100k_base') });
});

test('eight think at once, and what does not think goes past them', async () => {
  const question = 'get told when something in a folder is modified';
  const thinking = Array.from({ length: 8 }, async (_, seed) => {
    const response = await post('/v1/search', { query: question, think: 'always', temperature: 0.6, seed });
    return (await response.json()) as { hits: { id: string }[]; thoughts: { text: string }[] };
  });
  const instant = await (await post('/v1/search', { query: question, think: 'never' })).json();
  expect(instant).toMatchObject({ basis: 'instant', hits: [{ id: 'watch.md#fswatchfilename' }, {}, {}] });
  const answers = await Promise.all(thinking);
  expect(new Set(answers.map(({ thoughts }) => thoughts[0]!.text)).size).toBeGreaterThan(1);
});

test('the stream tells the thought that the answer has', async () => {
  const response = await post('/v1/thoughts', { query: 'make a digest', think: 'always' });
  const events = (await response.text())
    .trimEnd()
    .split('\n\n')
    .map((block) => JSON.parse(/^data: (.*)$/m.exec(block)![1]!));
  const text = events
    .filter(({ sample }) => sample === 0)
    .map((event) => event.text)
    .join('');
  expect(events.at(-1).thoughts[0].text.startsWith(text)).toBe(true);
  expect(text.length).toBeGreaterThan(10);
});

test('a deadline: the instant vector, in time', async () => {
  const body = { query: 'run something later', think: 'always', deadline_ms: 0 };
  expect(await (await post('/v1/search', body)).json()).toMatchObject({ basis: 'instant', deadline_reached: true });
});

test('SIGTERM in the midst of load: what was started is answered or refused, exit code 0 within ten seconds', async () => {
  const long = (nth: number) => `${PAGES['watch.md']} ${nth} `.repeat(8);
  const requests: [string, object][] = [
    ...Array.from({ length: 12 }, (_, seed): [string, object] => [
      '/v1/thoughts',
      { query: 'remove a file', think: 'always', thoughts: 2, temperature: 0.6, seed },
    ]),
    ...Array.from({ length: 4 }, (_, nth): [string, object] => [
      '/v1/embeddings',
      { model: 'any', input: Array.from({ length: 40 }, (_, i) => long(40 * nth + i)) },
    ]),
    ...Array.from({ length: 4 }, (_, i): [string, object] => ['/v1/search', { query: `find ${i}`, think: 'never' }]),
  ];
  const outcomes = requests.map(async ([path, body]) => {
    const response = await post(path, body);
    return { path, status: response.status, text: await response.text() };
  });
  const body = { query: 'list the files of a folder', think: 'always', thoughts: 3 };
  const reader = (await post('/v1/thoughts', body)).body!.pipeThrough(new TextDecoderStream()).getReader();
  // The instant hits are there, so the thoughts are being written.
  let text = (await reader.read()).value!;
  const start = performance.now();
  server.kill('SIGTERM');
  for (let part = await reader.read(); !part.done; part = await reader.read()) text += part.value;
  expect(text).toMatch(/^event: final$/m);
  for (const { path, status, text } of await Promise.all(outcomes)) {
    expect([200, 503]).toContain(status);
    // A stream that had begun ends with its answer, or with the refusal.
    if (path === '/v1/thoughts' && status === 200) expect(text).toMatch(/^event: (final|error)$/m);
    else expect(() => JSON.parse(text)).not.toThrow();
  }
  expect(await ended).toBe(0);
  expect(performance.now() - start).toBeLessThan(10_000);
  await expect(post('/v1/search', { query: 'too late' })).rejects.toThrow();
  expect(stderr).not.toContain('list the files');
});
