import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { FakeLlm } from '../../../test/support/fake-llm.js';
import { countWords, tinyRetrievalSet } from '../../../test/support/tiny-retrieval-set.js';
import { ManagedModel, openaiCompatible } from '../../llm/index.js';
import { type ExploreOptions, exploreThoughts, importCandidates, readCandidates, readSynthManifest } from '../index.js';

const KEY = 'sk-test-0123456789abcdef-SECRET';
let endpoint: FakeLlm;
let output: string;
beforeEach(async () => {
  endpoint = await FakeLlm.start();
  output = await mkdtemp(join(tmpdir(), 'explore-'));
});
afterEach(async () => {
  await endpoint.close();
  await rm(output, { recursive: true });
});

const set = tinyRetrievalSet();
function expert(timeoutMs?: number) {
  const model = openaiCompatible({ baseURL: endpoint.baseURL, model: 'fake', apiKey: KEY, timeoutMs });
  return new ManagedModel(model, { firstWaitMs: 1, attempts: 9 });
}
const explore = (options: Partial<ExploreOptions> = {}) =>
  exploreThoughts({ set, output, model: expert(), countTokens: countWords, ...options });
const files = async () =>
  Promise.all(['candidates.jsonl', 'manifest.json'].map((name) => readFile(join(output, name), 'utf8')));

test('three candidates a query, with in-context pairs of other queries', async () => {
  const report = await explore({ prices: { prompt: 1, completion: 2 } });
  expect(report).toMatchObject({ queries: 8, thoughts: 24, cut: 0, rejected: [], usage: { answers: 24 } });
  const candidates = await readCandidates(join(output, 'candidates.jsonl'));
  expect(candidates.map(({ id }) => id)).toEqual(set.queries.map(({ id }) => id));
  for (const { thoughts, tokens, model } of candidates) {
    expect(new Set(thoughts).size).toBe(3);
    expect(tokens).toEqual(thoughts.map(countWords));
    expect(model).toBe(`${endpoint.baseURL}#fake`);
  }
  expect(report.diversity!.jaccardDistance).toBeGreaterThan(0.1);
  for (const { body } of endpoint.seen) {
    expect(body.messages[0]!.content).toMatch(/^Think about a plausible response to address the query\.\n/);
    const [, ...queries] = body.messages[1]!.content.split('Query: ').map((part) => part.split('\n')[0]!);
    expect(queries).toHaveLength(4);
    expect(new Set(queries).size).toBe(4);
    const topic = queries.at(-1)!.split(' ').at(-1)!;
    expect(body.messages[1]!.content).not.toContain(`How ${topic} work`);
  }
  const { stages } = await readSynthManifest(output);
  expect(stages.thoughts).toMatchObject({
    model: `${endpoint.baseURL}#fake`,
    settings: { candidates: 3, examples: 3, maxTokens: 96, temperature: 0.8, seed: 0 },
    prompt: { user: '{examples}Query: {query}\nResponse:', sha256: expect.stringMatching(/^[0-9a-f]{64}$/) },
    queries: 8,
    usage: { answers: 24, estimatedAnswers: 0 },
  });
  const usage = report.usage!;
  expect(usage.cost).toBeCloseTo((usage.promptTokens + 2 * usage.completionTokens) / 1e6, 12);
});

test('the same settings ask nothing twice; changed settings are told apart; a try-out counts', async () => {
  await explore({ limit: 3 });
  expect(endpoint.seen).toHaveLength(9);
  const progress: unknown[] = [];
  await explore({ onProgress: (one) => progress.push(one) });
  expect(endpoint.seen).toHaveLength(24);
  expect(progress[0]).toEqual({ done: 9, total: 24, asked: 0 });
  expect(progress.at(-1)).toEqual({ done: 24, total: 24, asked: 15 });
  const before = await files();
  await explore();
  expect(endpoint.seen).toHaveLength(24);
  expect(await files()).toEqual(before);
  // A seed of one candidate is that of another one's neighbour, but its examples are not.
  const changes = [{ task: 'Answer.' }, { temperature: 0.5 }, { seed: 1 }, { examples: 2 }, { maxTokens: 50 }];
  for (const [i, change] of changes.entries()) {
    await explore(change);
    expect(endpoint.seen).toHaveLength(24 * (i + 2));
  }
  expect([...endpoint.answered().values()].every((times) => times === 1)).toBe(true);
});

test('an endpoint in trouble: nothing lost, nothing asked twice, each fault counted, and the key nowhere', async () => {
  const whole = join(output, 'whole');
  await explore({ output: whole });
  const answered = endpoint.seen.length;
  endpoint.seen.length = 0;
  const kinds = ['server error', 'malformed', 'half', 'no choice', 'blank', 'hang', 'reset', 'server error'] as const;
  endpoint.troubles.push({ kind: 'rate limit', retryAfter: '1' }, ...kinds.map((kind) => ({ kind })));
  endpoint.reply = (body) => `${body.seed} ${KEY} ${body.messages[1]!.content.length}`;
  const model = expert(500);
  await explore({ model });
  expect([...endpoint.answered().values()]).toEqual(Array(answered).fill(1));
  expect(endpoint.seen).toHaveLength(answered + 9);
  expect(model.totals).toMatchObject({
    requests: answered + 9,
    answers: answered,
    faults: {
      'rate limit': 1,
      'server error': 2,
      malformed: 1,
      'half an answer': 1,
      empty: 2,
      'time-out': 1,
      connection: 1,
    },
  });
  expect(await readCandidates(join(output, 'candidates.jsonl'))).toHaveLength(8);
  const written = [...(await files()), await readFile(join(output, 'journal', 'thoughts.jsonl'), 'utf8')];
  expect(written.join()).not.toContain(KEY);
  expect(written.join()).toContain('[API key]');
});

test('a question that cannot be answered is reported and asked again by the next run', async () => {
  const unlucky = set.queries[2]!.text;
  endpoint.reply = (body) => {
    const text = body.messages[1]!.content;
    return text.includes(`Query: ${unlucky}\nResponse:\n`) || text.endsWith(`Query: ${unlucky}\nResponse:`)
      ? ' '
      : `Answer ${body.seed}.`;
  };
  const model = new ManagedModel(openaiCompatible({ baseURL: endpoint.baseURL, model: 'fake' }), {
    attempts: 2,
    firstWaitMs: 1,
  });
  const report = await explore({ model });
  expect(report.queries).toBe(7);
  expect(report.rejected).toEqual([0, 1, 2].map((what) => ({ id: 'q2', what, reason: 'no answer: empty' })));
  expect(model.totals.faults).toEqual({ empty: 6 });
  endpoint.reply = (body) => `Answer ${body.seed}.`;
  expect(await explore({ model })).toMatchObject({ queries: 8, thoughts: 24, rejected: [] });
  expect(endpoint.seen).toHaveLength(21 + 6 + 3);
});

test('a wrong key or a model that is down stops the run; what was answered stays', async () => {
  endpoint.troubles.push({ kind: 'refused', status: 401 });
  await expect(explore({ concurrency: 1 })).rejects.toThrow(/401.*Check the API key/);
  expect(endpoint.seen).toHaveLength(1);
  await explore({ limit: 1 });
  endpoint.troubles.push(...Array(100).fill({ kind: 'server error' }));
  const model = new ManagedModel(openaiCompatible({ baseURL: endpoint.baseURL, model: 'fake' }), {
    attempts: 2,
    firstWaitMs: 1,
  });
  endpoint.seen.length = 0;
  await expect(explore({ model, concurrency: 1 })).rejects.toThrow(/the server failed \(500\)/);
  expect(endpoint.seen).toHaveLength(10);
});

test('stops for the caller and for the budget, and goes on from there', async () => {
  const controller = new AbortController();
  const stop = ({ asked }: { asked: number }) => asked === 5 && controller.abort(new Error('enough'));
  await expect(explore({ signal: controller.signal, onProgress: stop, concurrency: 1 })).rejects.toThrow('enough');
  const model = new ManagedModel(openaiCompatible({ baseURL: endpoint.baseURL, model: 'fake' }), {
    budget: { tokens: 200 },
  });
  await expect(explore({ model })).rejects.toThrow(/budget of 200 tokens is spent/);
  const before = endpoint.seen.length;
  expect(before).toBeLessThan(24);
  await explore();
  expect(endpoint.seen).toHaveLength(24);
});

test('long, empty, repeated and echoing candidates', async () => {
  endpoint.reply = ({ seed, messages }) =>
    [
      `Response: ${'One two three four five. '.repeat(10)}`,
      messages[1]!.content.split('Query: ').at(-1)!.split('\n')[0]!.toUpperCase(),
      `${'ONE two three four five. '.repeat(10)}`,
    ][seed]!;
  const { cut, rejected, thoughts } = await explore({ maxTokens: 12, limit: 1 });
  expect([cut, thoughts]).toEqual([1, 1]);
  expect(rejected).toEqual([
    { id: 'q0', what: 1, reason: 'repeats the query', text: 'WHAT ARE LOGS' },
    {
      id: 'q0',
      what: 2,
      reason: 'repeats another candidate',
      text: 'ONE two three four five. ONE two three four five.',
    },
  ]);
  const [first] = await readCandidates(join(output, 'candidates.jsonl'));
  expect(first!.thoughts).toEqual(['One two three four five. One two three four five.']);
});

describe('thoughts written elsewhere', () => {
  test('become candidates under the same rules', async () => {
    const file = join(output, 'thoughts.jsonl');
    const lines = [
      { _id: 'q1', thoughts: ['One two. Three four.', 'Five.'] },
      { _id: 'unknown', thoughts: ['x'] },
      { _id: 'q0', thoughts: ['Six.', 'six.'] },
    ];
    await writeFile(file, lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
    const report = await importCandidates({ file, set, output, maxTokens: 3, countTokens: countWords, limit: 3 });
    expect(report).toMatchObject({ queries: 2, thoughts: 3, cut: 1 });
    expect(report.rejected.map(({ id, reason }) => [id, reason])).toEqual([
      ['q0', 'repeats another candidate'],
      ['q2', 'not in the imported file'],
    ]);
    expect(await readCandidates(join(output, 'candidates.jsonl'))).toEqual([
      { id: 'q0', thoughts: ['Six.'], tokens: [1], model: 'imported:thoughts.jsonl' },
      { id: 'q1', thoughts: ['One two.', 'Five.'], tokens: [2, 1], model: 'imported:thoughts.jsonl' },
    ]);
    expect((await readSynthManifest(output)).stages.thoughts).toMatchObject({ imported: { file: 'thoughts.jsonl' } });
  });

  test('a file for another set, and bad lines, are errors', async () => {
    const file = join(output, 'thoughts.jsonl');
    const load = () => importCandidates({ file, set, output, countTokens: countWords });
    await writeFile(file, '{"_id": "other", "thoughts": ["x"]}\n');
    await expect(load()).rejects.toThrow(/none of the 8 queries has thoughts/);
    for (const [line, message] of [
      ['{"_id": "q0"}', /:1: field "thoughts": expected a list of texts/],
      ['{"thoughts": []}', /:1: field "_id": expected a query id/],
      ['{"_id": "q0"', /:1: expected a JSON object/],
      ['null', /:1: field "_id"/],
      ['{"_id": 1, "thoughts": []}\n{"_id": "1", "thoughts": []}', /:2: field "_id": "1" stands already/],
    ] as const) {
      await writeFile(file, `${line}\n`);
      await expect(load()).rejects.toThrow(message);
    }
  });
});
