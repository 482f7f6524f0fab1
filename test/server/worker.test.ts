import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import type { ModelRun } from '../../src/embedder/index.js';
import type * as errorsModule from '../../src/errors.js';
import type * as serverModule from '../../src/server/index.js';
import { tinyEmbedder } from '../../src/testing/index.js';
import { compiledSource } from '../support/compile.js';

/** The service in a thread of its own, with a tiny decoder in it. Compiled, as a worker cannot run TypeScript. */

let dist: string;
let home: string;
let server: typeof serverModule;
let errors: typeof errorsModule;
beforeAll(async () => {
  dist = await compiledSource();
  home = await mkdtemp(join(tmpdir(), 'o1-worker-'));
  server = await import(join(dist, 'server/index.js'));
  errors = await import(join(dist, 'errors.js'));
});
afterAll(() => rm(home, { recursive: true, force: true }));

let modules = 0;

/** A module whose engine is the tiny embedder, changed by `lines` that see `embedder` and `engine`. */
async function engineModule(lines = ''): Promise<URL> {
  const url = (path: string) => JSON.stringify(pathToFileURL(join(dist, path)).href);
  const path = join(home, `engine-${modules++}.mjs`);
  await writeFile(
    path,
    `import { tinyEmbedder, TINY_SETTINGS } from ${url('testing/index.js')};
     import { engineOf } from ${url('server/index.js')};
     import { InvalidInputError } from ${url('errors.js')};
     export async function createEngine(parameters, report, onRun) {
       report('loading');
       const auto = { signal: 'margin', threshold: 0.5, thinkWhen: 'below' };
       const settings = { ...TINY_SETTINGS, thinking: { ...TINY_SETTINGS.thinking, auto } };
       const embedder = await tinyEmbedder({ ...parameters, settings, onRun });
       const engine = engineOf(embedder, { modelName: 'tiny' });
       ${lines}
       return engine;
     }`,
  );
  return pathToFileURL(path);
}

test('vectors, events and token ids are those of the embedder itself', async () => {
  const heard: unknown[] = [];
  const service = await server.workerService({
    module: await engineModule(),
    parameters: { seed: 3 },
    onProgress: (progress) => heard.push(progress),
  });
  const alone = await tinyEmbedder({ seed: 3 });
  try {
    expect(heard).toEqual(['loading']);
    expect([service.fingerprint, service.dimensions]).toEqual([alone.fingerprint, alone.dimensions]);
    const runs: ModelRun[] = [];
    service.onRun!((run) => runs.push(run));
    const texts = ['one text', 'another text', 'a third'];
    const progress: unknown[] = [];
    const vectors = await service.embedDocuments(texts, { onProgress: (now) => progress.push(now) });
    expect(vectors).toEqual(await alone.embedDocuments(texts));
    expect(progress.at(-1)).toEqual({ done: 3, total: 3, tokens: 27 });
    const options = { think: 'always', thoughts: 2, temperature: 0.7 } as const;
    const types: string[] = [];
    for await (const event of service.query('a query', options)) types.push(event.type);
    expect(types[0]).toBe('instant');
    expect(types.at(-1)).toBe('final');
    const { vector, thoughts } = await alone.embedQuery('a query', options);
    const usage = { promptTokens: 7, thoughtTokens: thoughts.reduce((sum, { tokens }) => sum + tokens.length, 0) };
    expect(await server.queryEmbedding(service, 'a query', options)).toMatchObject({ vector, thoughts, usage });
    // One run of documents, and of each of the two queries its prompt and its steps.
    const kinds = runs.map(({ kind }) => kind);
    expect(kinds.filter((kind) => kind !== 'step')).toEqual(['documents', 'prompts', 'prompts']);
    expect(kinds.filter((kind) => kind === 'step').length).toBeGreaterThan(2);
    expect(runs.every(({ milliseconds }) => milliseconds > 0)).toBe(true);
    expect(await service.embedDocuments([[...Buffer.from('hi')]])).toEqual(await alone.embedDocuments(['hi']));
    await expect(service.embedDocuments([[99_999]])).rejects.toThrow(errors.InvalidInputError);
  } finally {
    await service.close();
    await alone.close();
  }
  expect(service.status!().state).toBe('stopping');
  await expect(service.embedDocuments(['late'])).rejects.toThrow(server.ServiceUnavailableError);
});

describe('with one service', () => {
  let service: serverModule.EmbeddingService;
  beforeAll(async () => {
    service = await server.workerService({
      module: await engineModule(),
      parameters: {},
      scheduler: { maxWaiting: 4 },
    });
  });
  afterAll(() => service?.close());

  test('errors keep their class and their words', async () => {
    const asked = server.queryEmbedding(service, 'a', { think: 'always', thoughts: 99 });
    await expect(asked).rejects.toThrow(errors.InvalidInputError);
    await expect(asked).rejects.toThrow('thoughts must be at most 16 here, got 99');
    const many = Array.from({ length: 6 }, (_, i) => service.embedDocuments([`text ${i}`]));
    const full = (await Promise.allSettled(many)).find(({ status }) => status === 'rejected') as PromiseRejectedResult;
    expect(full.reason).toBeInstanceOf(server.QueueFullError);
    expect(full.reason.retryAfterSeconds).toBeGreaterThanOrEqual(1);
  });

  test('auto asks this thread for the scores of the instant search', async () => {
    const seen: number[] = [];
    const ask = (scores: readonly number[]) =>
      server.queryEmbedding(service, 'auto', {
        think: 'auto',
        instantScores: async (instant) => {
          seen.push(instant.length);
          return scores;
        },
      });
    expect(await ask([0.9, 0.1])).toMatchObject({ decision: 'instant', basis: 'instant' });
    expect(await ask([0.9, 0.8])).toMatchObject({ decision: 'think', basis: 'thoughts' });
    expect(seen).toEqual([32, 32]);
    const failing = server.queryEmbedding(service, 'auto', {
      think: 'auto',
      instantScores: () => Promise.reject(new Error('no index')),
    });
    await expect(failing).rejects.toThrow('no index');
  });

  test('a caller that goes away frees its place', async () => {
    const controller = new AbortController();
    const options = { think: 'always', thoughts: 3, signal: controller.signal } as const;
    await expect(
      (async () => {
        for await (const { type } of service.query('goes away', options)) {
          if (type === 'token') controller.abort(new Error('gone'));
        }
      })(),
    ).rejects.toThrow('gone');
    await vi.waitFor(() => expect(service.status!()).toEqual({ state: 'ready', waiting: 0, thinking: 0 }), {
      timeout: 30_000,
    });
  });

  test('a deadline of no time gives the instant vector', async () => {
    const answer = await server.queryEmbedding(service, 'quick', { think: 'always', deadlineMs: 0 });
    expect(answer).toMatchObject({ basis: 'instant', deadlineReached: true });
  });
});

test('closing finishes what was begun', async () => {
  const service = await server.workerService({ module: await engineModule(), parameters: {} });
  const thought = server.queryEmbedding(service, 'begun', { think: 'always' });
  await service.close({ graceMs: 60_000 });
  expect((await thought).basis).toBe('thoughts');
});

test('what cannot be loaded is said in its own words', async () => {
  // A timer goes on in the thread: it must not keep this process alive.
  const module = await engineModule(`setInterval(() => {}, 1000); throw new InvalidInputError('no such model');`);
  const started = server.workerService({ module, parameters: {} });
  await expect(started).rejects.toThrow(errors.InvalidInputError);
  await expect(started).rejects.toThrow('no such model');
});

test('loading can be stopped', async () => {
  const controller = new AbortController();
  const module = await engineModule('await new Promise((resolve) => setTimeout(resolve, 600_000));');
  const started = server.workerService({ module, parameters: {}, signal: controller.signal });
  controller.abort(new Error('stopped'));
  await expect(started).rejects.toThrow('stopped');
});

test('a thread that dies: open requests fail, later ones are refused, and it is said why', async () => {
  const module = await engineModule(`
    engine.embedDocuments = () => new Promise(() => { setTimeout(() => { throw new Error('out of luck'); }, 10); });
  `);
  let reason: Error | undefined;
  const onFailure = (error: Error) => {
    reason = error;
  };
  const service = await server.workerService({ module, parameters: {}, onFailure });
  const open = service.embedDocuments(['a']);
  await expect(open).rejects.toThrow("the model's thread has ended: out of luck.");
  await expect(open).rejects.toThrow(server.ServiceUnavailableError);
  await expect(server.queryEmbedding(service, 'b')).rejects.toThrow('out of luck');
  expect(service.status!()).toMatchObject({ state: 'failed', reason: reason!.message });
  await service.close();
});
