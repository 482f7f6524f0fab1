import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { FakeEngine } from '../../../test/support/fake-engine.js';
import type { QueryOptions } from '../../embedder/index.js';
import { O1Error } from '../../errors.js';
import { localService } from '../local-service.js';
import { queryEmbedding, type ServiceEmbedding } from '../service.js';
import { cachedService } from './cached-service.js';
import { ThoughtCache } from './thought-cache.js';
import { thoughtKey } from './thought-key.js';

let folder: string;
let warnings: string[];
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'o1-thoughts-'));
  warnings = [];
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const opened = (maxEntries?: number, maxBytes?: number) =>
  ThoughtCache.open({ folder, maxEntries, maxBytes, lockStaleMs: 2_000, warn: (message) => warnings.push(message) });
const newer = () => join(folder, 'thoughts-v3.jsonl');

function embedding(text: string): ServiceEmbedding {
  const vector = Float32Array.from([0.1, -1e-30, Math.PI, 3e38]);
  return {
    instant: Float32Array.of(1, 0),
    vector,
    basis: 'thoughts',
    thoughts: [{ sample: 0, text, tokens: [1, 2], finishReason: 'stop', logProbability: -0.5, vector }],
    signals: { firstTokenEntropy: 1.5, topProbability: 0.25 },
    deadlineReached: false,
    truncated: false,
    usage: { promptTokens: 3, thoughtTokens: 2 },
    timings: { prefillMs: 1, thinkMs: 2, closingMs: 0.5, totalMs: 3 },
  };
}

describe('on disk', () => {
  test('survives a restart to the last bit', async () => {
    const first = await opened();
    first.set('a', embedding('eins\nzwei "quoted" 😀'));
    first.set('b', embedding('two'));
    await first.close();
    const second = await opened();
    expect(second.size).toBe(2);
    expect(second.get('a')).toEqual(embedding('eins\nzwei "quoted" 😀'));
    await second.close();
    expect(warnings).toEqual([]);
  });

  test('a line that a killed process left unfinished is cut off, and the next one starts afresh', async () => {
    const first = await opened();
    first.set('a', embedding('one'));
    first.set('b', embedding('two'));
    await first.close();
    const whole = await readFile(newer(), 'utf8');
    for (const cut of [whole.length - 1, whole.length - 40]) {
      await writeFile(newer(), whole.slice(0, cut));
      const again = await opened();
      again.set('c', embedding('three'));
      await again.close();
      const last = await opened();
      expect([last.get('a')?.thoughts[0]?.text, last.get('c')?.thoughts[0]?.text]).toEqual(['one', 'three']);
      await last.close();
    }
    expect(warnings).toEqual([]);
  });

  test.each([
    ['a flipped bit in a vector', (bytes: Buffer) => bytes.fill(bytes[60]! ^ 1, 60, 61)],
    ['bytes that are no text', (bytes: Buffer) => bytes.fill(0xff, 30, 90)],
    ['a line in between', (bytes: Buffer) => Buffer.concat([Buffer.from('{"not": "ours"}\n'), bytes])],
  ])('%s: the file is set aside, the good lines are kept', async (_, damage) => {
    const first = await opened();
    for (const key of ['a', 'b', 'c']) first.set(key, embedding(key));
    await first.close();
    await writeFile(newer(), damage(await readFile(newer())));
    const second = await opened();
    expect(second.get('c')).toEqual(embedding('c'));
    expect(warnings).toEqual([
      expect.stringMatching(/thoughts-v3\.jsonl: 1 of \d lines are damaged, the first is line 1\./),
    ]);
    await second.close();
    expect(await readdir(folder)).toContain('thoughts-v3.jsonl.damaged');
    warnings = [];
    await (await opened()).close();
    expect(warnings).toEqual([]);
  });

  test('a file of garbage', async () => {
    await writeFile(newer(), Buffer.from(Array.from({ length: 5000 }, (_, i) => (i * 7919) % 251)));
    const cache = await opened();
    cache.set('a', embedding('a'));
    await cache.close();
    const again = await opened();
    expect(again.size).toBe(1);
    await again.close();
  });

  test('bounded in memory and on disk', async () => {
    const first = await opened(3);
    for (let i = 0; i < 20; i++) first.set(String(i), embedding(String(i)));
    expect(first.size).toBe(3);
    await first.close();
    const lines = async (name: string) => (await readFile(join(folder, name), 'utf8')).split('\n').length - 1;
    expect(await lines('thoughts-v3.jsonl')).toBeLessThanOrEqual(3);
    expect(await lines('thoughts-v3.older.jsonl')).toBe(3);
    const second = await opened(3);
    expect(['17', '18', '19'].map((key) => second.get(key)?.thoughts[0]?.text)).toEqual(['17', '18', '19']);
    await second.close();
  });

  test('bounded in bytes too, however many thoughts an entry has', async () => {
    const many = { ...embedding('many'), thoughts: Array(16).fill(embedding('many').thoughts[0]) };
    const first = await opened(undefined, 2_000);
    for (let i = 0; i < 20; i++) first.set(String(i), many);
    expect(first.size).toBe(3);
    await first.close();
    for (const name of await readdir(folder)) {
      // Give or take a line.
      expect((await readFile(join(folder, name))).length).toBeLessThan(5_000);
    }
    const second = await opened(undefined, 2_000);
    expect(second.get('19')).toEqual(many);
    await second.close();
  });

  test('closing twice is closing once', async () => {
    const cache = await opened();
    await cache.close();
    await cache.close();
  });

  test('one server a folder', async () => {
    const first = await opened();
    const second = await opened().catch((error: unknown) => error);
    expect(second).toBeInstanceOf(O1Error);
    expect((second as Error).message).toContain('another server keeps its thoughts here.');
    await first.close();
    await (await opened()).close();
  });
});

describe('keys', () => {
  const origin = {
    fingerprint: 'f',
    thinking: { think: 'always', thoughts: 1, temperature: 0, topP: 1 },
  } as const;
  const key = (options: QueryOptions, text = 'query', from: Parameters<typeof thoughtKey>[0] = origin) =>
    thoughtKey(from, text, options);

  test('what says the same has the same key', () => {
    const { signal } = new AbortController();
    expect(key({ think: 'always', thoughts: 1, seed: 0 })).toBe(key({}));
    expect(key({ deadlineMs: 5, signal, maxTokens: undefined })).toBe(key({}));
  });

  test('what says something else has another', () => {
    const others: QueryOptions[] = [
      { thoughts: 2 },
      { temperature: 0.5 },
      { topP: 0.9 },
      { topK: 5 },
      { seed: 1 },
      { maxTokens: 9 },
      { instantWeight: 0.5 },
      { ignoreEnd: true },
      { think: 'auto' },
    ];
    const keys = [
      key({}),
      ...others.map((options) => key(options)),
      key({}, 'another query'),
      key({}, 'query', { ...origin, fingerprint: 'g' }),
      key({}, 'query', { ...origin, thinking: { ...origin.thinking, instantWeight: 0.25 } }),
    ];
    expect(new Set(keys).size).toBe(keys.length);
    expect(keys).not.toContain(undefined);
  });

  test('without a thought to write, or where the index has a say, there is none', () => {
    expect(key({ think: 'never' })).toBeUndefined();
    expect(key({ thought: 'mine' })).toBeUndefined();
    const auto = { signal: 'margin', threshold: 1, thinkWhen: 'below' } as const;
    const byMargin = { ...origin, thinking: { ...origin.thinking, auto } };
    expect(key({ think: 'auto', instantScores: () => [] }, 'query', byMargin)).toBeUndefined();
  });
});

describe('a service with a cache', () => {
  async function fixture() {
    const engine = new FakeEngine();
    const cache = await ThoughtCache.open();
    const service = cachedService(localService(engine, { now: engine.now }), cache);
    return { engine, cache, service };
  }

  test('the second time nothing is computed', async () => {
    const { engine, service } = await fixture();
    const first = await queryEmbedding(service, 'again', { think: 'always', thoughts: 2 });
    const runs = engine.runs.length;
    const events = [];
    for await (const event of service.query('again', { think: 'always', thoughts: 2 })) events.push(event);
    expect(engine.runs.length).toBe(runs);
    expect(events.map(({ type }) => type)).toEqual(['instant', 'token', 'token', 'final']);
    const { timings: _, ...same } = first;
    expect(events.at(-1)).toMatchObject({ ...same, cached: true, timings: { totalMs: 0 } });
    expect(first.cached).toBeUndefined();
  });

  test('what a deadline cut short is not kept', async () => {
    const { cache, service } = await fixture();
    const options = { think: 'always', deadlineMs: 3 } as const;
    expect(await queryEmbedding(service, 'long one', options)).toMatchObject({ deadlineReached: true });
    expect(cache.size).toBe(0);
  });

  test('neither is what was left early', async () => {
    const { engine, cache, service } = await fixture();
    for await (const { type } of service.query('long one', { think: 'always' })) if (type === 'token') break;
    await service.close();
    expect([cache.size, engine.cancelled]).toEqual([0, ['long one']]);
  });
});
