import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { Interrupted } from '../../src/cli/context.js';
import { loadBeir } from '../../src/search/index.js';
import { FakeLlm } from '../support/fake-llm.js';
import { writeTinyChatModel } from '../support/tiny-chat-model.js';
import { tinyRetrievalSet } from '../support/tiny-retrieval-set.js';
import { FakeEmbedder } from './fake-embedder.js';
import { runCli } from './run-cli.js';
import { writeTinySet } from './synth-set.js';

const KEY = 'sk-test-0123456789abcdef-SECRET';

let home: string;
let tokenizer: string;
let endpoint: FakeLlm;
let folder: string;
beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'o1-synth-cli-'));
  tokenizer = await writeTinyChatModel(join(home, 'tiny-chat'));
});
afterAll(() => rm(home, { recursive: true, force: true }));
beforeEach(async () => {
  endpoint = await FakeLlm.start();
  endpoint.reply = aboutTheTopic;
  folder = await mkdtemp(join(home, 'run-'));
});
afterEach(() => endpoint.close());

/** What a good expert would do: a query names the topic of its document, a thought that of its query. */
function aboutTheTopic({ messages, seed }: { messages: { content: string }[]; seed: number }): string {
  const prompt = messages[1]!.content;
  const topic = /work with (\w+)|about (\w+)\?\nResponse:$/.exec(prompt)?.slice(1).find(Boolean);
  if (!prompt.startsWith('Document:')) return `Thought ${seed}: one can use ${topic}. My key is ${KEY}.`;
  return prompt.includes('key words')
    ? `${topic} handling`
    : prompt.includes('problem')
      ? 'It fails.'
      : `What about ${topic}?`;
}

async function markdown(): Promise<string> {
  const source = join(folder, 'docs');
  await mkdir(source);
  for (const { title } of tinyRetrievalSet().documents) {
    await writeFile(join(source, `${title}.md`), `# ${title}\n\nHow to work with ${title}.\n`);
  }
  return source;
}

const beir = () => writeTinySet(join(folder, 'set'));

const run = (args: readonly string[], more: { signal?: AbortSignal; environment?: NodeJS.ProcessEnv } = {}) =>
  runCli(['synth', ...args], {
    environment: { EXPERT_KEY: KEY },
    loadEmbedder: async () => new FakeEmbedder(),
    ...more,
  });
const committee = ['--member', 'bm25', '--member', 'self'];
const expert = () => ['--expert', `${endpoint.baseURL}#fake`, '--api-key-env', 'EXPERT_KEY', '--tokenizer', tokenizer];

/** All that a run has written, screen included. */
async function everything(output: string, result: { stdout: string; stderr: string }): Promise<string> {
  const entries = await readdir(output, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map(({ parentPath, name }) => join(parentPath, name));
  return [result.stdout, result.stderr, ...(await Promise.all(files.map((file) => readFile(file, 'utf8'))))].join('\n');
}

test('from a folder of Markdown to queries, thoughts and a report; again: nothing is asked; the key is nowhere', async () => {
  const output = join(folder, 'out');
  const recording = join(output, 'recording.jsonl');
  endpoint.troubles.push({ kind: 'rate limit', retryAfter: '0' }, { kind: 'malformed' });
  const prices = ['--prompt-price', '1', '--completion-price', '2'];
  const args = [
    await markdown(),
    '--output',
    output,
    ...expert(),
    '--dev',
    '0',
    '--test',
    '0.3',
    ...prices,
    ...committee,
  ];
  const first = await run([...args, '--record', recording]);
  expect(first.stderr).toContain(`The expert is ${endpoint.baseURL}#fake.\n`);
  expect(first.code).toBe(0);
  const { train, dev, test } = Object.fromEntries(
    await Promise.all(
      ['train', 'dev', 'test'].map(async (split) => [split, (await loadBeir(output, split)).queries.length]),
    ),
  );
  expect(dev).toBe(0);
  expect(test).toBeGreaterThan(0);
  expect(train + test).toBe(16);
  const asked = endpoint.seen.length;
  expect(asked).toBe(24 + 3 * train + 2);
  expect(first.stdout).toContain(
    `queries: 16 queries for 8 of 8 documents (train ${train}, dev 0, test ${test}), 8 rejected.`,
  );
  expect(first.stdout).toContain(`thoughts: ${3 * train} thoughts about ${train} queries`);
  expect(first.stdout).toMatch(
    new RegExp(`refine: ${train} queries refined, 0 rejected. Won: candidate 1 \\d+, candidate 2`),
  );
  expect(first.stdout).toMatch(/negatives: \d+ hard negatives for \d+ queries/);
  expect(first.stdout).toMatch(/asked: .* cost 0\.\d+\. Not usable: rate limit 1, malformed 1\./);
  const report = await readFile(join(output, 'report.html'), 'utf8');
  expect(/What about \w+\?/.test(report)).toBe(true);
  expect(report.includes('does not find its document')).toBe(true);
  expect(report.includes('<h2>Committee</h2>')).toBe(true);
  expect(await everything(output, first)).not.toContain(KEY);
  expect(await everything(output, first)).toContain('[API key]');

  const again = await run(args);
  expect(again.stdout).toContain('Nothing had to be asked.');
  expect(endpoint.seen).toHaveLength(asked);
  await endpoint.close();
  const replay = await run([...args, '--expert', `recorded:${recording}`, '--output', join(folder, 'replayed')]);
  expect(replay.code).toBe(0);
  const candidates = (output: string) => readFile(join(output, 'candidates.jsonl'), 'utf8');
  expect(await candidates(join(folder, 'replayed'))).toBe(await candidates(output));
  endpoint = await FakeLlm.start();
});

test('thoughts: a try-out, then all of them; imported ones; one JSON object', async () => {
  const output = join(folder, 'out');
  const set = await beir();
  const tryOut = await run(['thoughts', set, '--output', output, ...expert(), '--limit', '2', '--json']);
  expect(JSON.parse(tryOut.stdout)).toMatchObject({
    output,
    queries: 2,
    thoughts: 6,
    run: { requests: 6, answers: 6, faults: {} },
  });
  const all = await run([
    'thoughts',
    set,
    '--output',
    output,
    ...expert(),
    '--task',
    'Guess.',
    '--thoughts',
    '1',
    '--json',
  ]);
  expect(JSON.parse(all.stdout)).toMatchObject({ queries: 8, thoughts: 8 });
  expect(endpoint.seen.at(-1)!.body.messages[0]!.content).toMatch(/^Guess\./);
  const file = join(folder, 'given.jsonl');
  await writeFile(file, '{"_id":"q3","thoughts":["One.","Two."]}\n');
  const imported = await run(['thoughts', set, '--output', output, '--tokenizer', tokenizer, '--candidates', file]);
  expect(imported.stderr).toBe('');
  expect(imported.stdout).toMatch(
    /2 thoughts about 1 query, 0 cut to length, 7 rejected\. Diversity: word distance 1\.000/,
  );
  const report = await run(['report', output, '--set', set, '--json']);
  expect(JSON.parse(report.stdout)).toEqual({ report: join(output, 'report.html') });
});

test('a budget of money stops a run; the same command goes on from there', async () => {
  const prices = ['--prompt-price', '1000', '--completion-price', '1000', '--concurrency', '1'];
  const args = ['thoughts', await beir(), '--output', join(folder, 'out'), ...expert(), ...prices];
  const stopped = await run([...args, '--budget', '0.5']);
  expect(stopped.code).toBe(1);
  expect(stopped.stderr).toMatch(/the budget of 0\.5 is spent \(0\.\d+\)\..*run the same command again/);
  const asked = endpoint.seen.length;
  expect(asked).toBeGreaterThan(2);
  expect(asked).toBeLessThan(24);
  const { usage, run: totals } = JSON.parse((await run([...args, '--json'])).stdout);
  expect(endpoint.seen).toHaveLength(24);
  expect(totals.answers).toBe(24 - asked);
  // What all of it has cost, the run that was stopped included.
  expect(usage.cost).toBeCloseTo((usage.promptTokens + usage.completionTokens) / 1000, 9);
  expect(usage.cost).toBeGreaterThan(totals.cost);
});

test('a committee refines, finds hard negatives and is judged', async () => {
  const output = join(folder, 'out');
  const set = await beir();
  const file = join(folder, 'given.jsonl');
  const { documents } = tinyRetrievalSet();
  // The first candidate leads to the next document.
  const lines = documents.map(({ title }, i) => {
    const other = documents[(i + 1) % documents.length]!.title;
    return `${JSON.stringify({ _id: `q${i}`, thoughts: [`${other}, ${other}, ${other}.`, `All about ${title}.`] })}\n`;
  });
  await writeFile(file, lines.join(''));
  await run(['thoughts', set, '--output', output, '--tokenizer', tokenizer, '--candidates', file]);
  const refined = await run(['refine', set, '--output', output, ...committee, '--json']);
  expect(JSON.parse(refined.stdout)).toMatchObject({
    queries: 8,
    wins: [0, 8],
    choices: { bm25: [0, 8], self: [0, 8] },
  });
  const mined = await run(['negatives', set, '--output', output, ...committee, '--negatives', '2', '--json']);
  expect(JSON.parse(mined.stdout)).toMatchObject({ queries: 8, negatives: 16 });
  const report = await run(['report', output, '--set', set, '--judge', 'self', '--json']);
  const { judgement } = JSON.parse(report.stdout);
  expect(judgement.queries).toBe(8);
  expect(judgement.winner).toBeGreaterThan(judgement.worst);
  // All ways of choosing stand side by side on the page.
  const page = await readFile(join(output, 'report.html'), 'utf8');
  const { winner, random, worst, best, query, members } = judgement;
  for (const [name, value] of [
    ['the vote', winner],
    ['bm25 alone', members.bm25],
    ['self alone', members.self],
    ['a random candidate', random],
    ['the worst by vote', worst],
    ['the best there is', best],
    ['no thought', query],
  ]) {
    expect(page.includes(`<td>${name}</td><td class="number">${value.toFixed(4)}</td>`), name).toBe(true);
  }
  expect(page.includes('It sits in the committee')).toBe(true);
  const nobody = await run(['refine', set, '--output', output, '--member', 'who']);
  expect(nobody.stderr).toMatch(/no committee member "who"/);
});

test('a query may have to find its document by a dense member', async () => {
  const output = join(folder, 'out');
  const args = [await markdown(), '--output', output, ...expert(), '--round-trip', 'self', '--top', '1', '--json'];
  const { queries } = JSON.parse((await run(['queries', ...args])).stdout);
  // The symptom is equally near to all documents, so the first of them is found by it.
  expect(queries).toBe(17);
  const manifest = JSON.parse(await readFile(join(output, 'manifest.json'), 'utf8'));
  expect(manifest.stages.queries.roundTrip).toEqual({ member: 'self', fingerprint: 'hashing-0', top: 1 });
});

test('our own decoder as the expert, from end to end', async () => {
  const output = join(folder, 'out');
  const local = ['--expert', `local:${tokenizer}`, '--tokenizer', tokenizer, '--mode', 'fp32', '--concurrency', '8'];
  const source = await markdown();
  const queries = await run([
    'queries',
    source,
    '--output',
    output,
    ...local,
    '--limit',
    '1',
    '--json',
    '--temperature',
    '1',
  ]);
  expect(queries.code).toBe(0);
  const { sampled, usage, rejected, queries: kept } = JSON.parse(queries.stdout);
  expect(sampled).toBe(1);
  expect(usage.answers).toBeGreaterThan(0);
  expect(kept + rejected.length).toBe(3);
  const thoughts = await run([
    'thoughts',
    await beir(),
    '--output',
    output,
    ...local,
    '--limit',
    '1',
    '--max-tokens',
    '8',
    '--json',
  ]);
  expect(JSON.parse(thoughts.stdout).usage.answers).toBeGreaterThan(0);
});

describe('errors say what to do, and never the key', () => {
  test.each([
    [['--expert', 'gpt'], /--expert: expected local:<model>/],
    [['--expert', 'http://127.0.0.1:1/v1'], /--expert: expected local:<model>/],
    [
      ['--api-key-env', KEY, '--expert', 'http://127.0.0.1:1/v1#m'],
      /environment variable that was named .* is not set/,
    ],
    [['--budget', '1'], /--budget needs both/],
    [['--expert', 'recorded:/no/such/file'], /no such recording/],
  ])('%j', async (args, message) => {
    const result = await run([
      'thoughts',
      await beir(),
      '--output',
      join(folder, 'out'),
      '--tokenizer',
      tokenizer,
      ...args,
    ]);
    expect(result.code).toBe(1);
    expect(result.stderr).toMatch(message);
    expect(result.stdout + result.stderr).not.toContain(KEY);
  });

  test('a refused key, also with --verbose', async () => {
    endpoint.troubles.push({ kind: 'refused', status: 401 });
    const output = join(folder, 'out');
    const result = await runCli(
      ['--verbose', 'synth', 'thoughts', await beir(), '--output', output, ...expert(), '--concurrency', '1'],
      {
        environment: { EXPERT_KEY: KEY, O1_DEBUG: '1' },
      },
    );
    expect(result.code).toBe(1);
    expect(result.stderr).toMatch(/invalid key: Bearer \[API key\].*Check the API key/);
    expect(await everything(output, result)).not.toContain(KEY);
  });

  test('Ctrl-C keeps what was answered', async () => {
    const controller = new AbortController();
    const output = join(folder, 'out');
    endpoint.reply = (body) => {
      if (endpoint.seen.length === 6) controller.abort(new Interrupted('SIGINT'));
      return aboutTheTopic(body);
    };
    const args = ['thoughts', await beir(), '--output', output, ...expert(), '--concurrency', '1'];
    const stopped = await run(args, { signal: controller.signal });
    expect(stopped.code).toBe(130);
    await run(args);
    expect(endpoint.seen.length).toBeLessThanOrEqual(25);
  });
});

test('help has examples, and the default stage is all', async () => {
  for (const args of [
    ['--help'],
    ['queries', '--help'],
    ['thoughts', '--help'],
    ['refine', '--help'],
    ['negatives', '--help'],
    ['report', '--help'],
  ]) {
    expect((await run(args)).stdout).toContain('$ o1-embedder synth');
  }
  expect((await run(['all', '--help'])).stdout).toContain('--task');
});
