import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { HashingEncoder } from '../../src/testing/index.js';
import { FakeLlm } from '../support/fake-llm.js';
import { writeTinyChatModel } from '../support/tiny-chat-model.js';
import { FakeEmbedder } from './fake-embedder.js';
import { runCli } from './run-cli.js';
import { writeTinySet } from './synth-set.js';

/** Wherever a member is named (`--member`, `--round-trip`, `--judge`), it is reached in the same way. */

const EXPERT_KEY = 'sk-expert-0123456789abcdef-SECRET';
const MEMBER_KEY = 'sk-member-0123456789abcdef-SECRET';

let home: string;
let tokenizer: string;
let set: string;
let expert: FakeLlm;
let server: Server;
/** Keys of the requests for vectors. */
let keys: (string | undefined)[];
let refuses: boolean;
let folder: string;

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'o1-members-cli-'));
  tokenizer = await writeTinyChatModel(join(home, 'tiny-chat'));
  set = await writeTinySet(join(home, 'set'));
});
afterAll(() => rm(home, { recursive: true, force: true }));

beforeEach(async () => {
  [keys, refuses] = [[], false];
  folder = await mkdtemp(join(home, 'run-'));
  expert = await FakeLlm.start();
  expert.reply = ({ messages, seed }) => {
    const topic = /Document:\n(\w+)/.exec(messages[1]!.content)?.[1];
    return topic ? `What about ${topic}?` : `Thought ${seed} about it.`;
  };
  const encoder = new HashingEncoder();
  server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const { input }: { input: string[] } = JSON.parse(Buffer.concat(chunks).toString());
    keys.push(request.headers.authorization);
    if (refuses) response.writeHead(401).end(`invalid key: ${request.headers.authorization}`);
    else
      response.end(
        JSON.stringify({ data: input.map((text, index) => ({ index, embedding: [...encoder.embed(text)] })) }),
      );
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});
afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  await expert.close();
});

const member = () => `embeddings:http://127.0.0.1:${(server.address() as AddressInfo).port}/v1#fake`;
const withKey = ['--member-key-env', 'MEMBER_KEY'];
const asking = () => ['--expert', `${expert.baseURL}#fake`, '--api-key-env', 'EXPERT_KEY', '--tokenizer', tokenizer];
const output = () => join(folder, 'out');

const run = (args: readonly string[], context: Parameters<typeof runCli>[1] = {}) =>
  runCli(['--verbose', 'synth', ...args], { environment: { EXPERT_KEY, MEMBER_KEY }, ...context });

/** The commands that name a member, one after the other in one folder. */
const stages = (name: string): Record<string, string[]> => ({
  queries: ['queries', set, '--output', join(folder, 'written'), ...asking(), '--round-trip', name],
  refine: ['refine', set, '--output', output(), '--member', name],
  negatives: ['negatives', set, '--output', output(), '--member', name],
  report: ['report', output(), '--set', set, '--judge', name],
});

async function writeThoughts(): Promise<void> {
  const result = await run(['thoughts', set, '--output', output(), ...asking(), '--thoughts', '2']);
  expect(result.code).toBe(0);
}

test('embeddings: the key is sent, by every option that names a member, and stands nowhere', async () => {
  await writeThoughts();
  const said: string[] = [];
  for (const [stage, args] of Object.entries(stages(member()))) {
    // Vectors of an earlier stage would be asked for once only.
    await rm(join(output(), 'journal', 'vectors'), { recursive: true, force: true });
    keys = [];
    const result = await run([...args, ...withKey]);
    expect(result.stderr, stage).not.toMatch(/error/i);
    expect(result.code, stage).toBe(0);
    expect(new Set(keys), stage).toEqual(new Set([`Bearer ${MEMBER_KEY}`]));
    said.push(result.stdout, result.stderr);
  }
  const files = (await readdir(folder, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile());
  expect(files.map(({ name }) => name)).toEqual(
    expect.arrayContaining(['manifest.json', 'refined.jsonl', 'negatives.jsonl', 'report.html', 'queries.jsonl']),
  );
  for (const { parentPath, name } of files) said.push(await readFile(join(parentPath, name), 'utf8'));
  for (const key of [EXPERT_KEY, MEMBER_KEY]) expect(said.some((text) => text.includes(key))).toBe(false);
});

test('embeddings: without the option no key is sent; a refusal that repeats the key is told without it', async () => {
  await writeThoughts();
  const all = stages(member());
  expect((await run(all.refine!)).code).toBe(0);
  expect(new Set(keys)).toEqual(new Set([undefined]));
  await rm(join(output(), 'journal', 'refine.jsonl'));
  refuses = true;
  for (const [stage, args] of Object.entries(all)) {
    await rm(join(output(), 'journal', 'vectors'), { recursive: true, force: true });
    const { code, stderr, stdout } = await run([...args, ...withKey]);
    expect(code, stage).toBe(1);
    expect(stderr, stage).toMatch(/status 401: invalid key: Bearer \[API key\].*Check the API key/);
    expect(stdout + stderr, stage).not.toContain(MEMBER_KEY);
  }
});

test('self: model and adapter are those that are named, by every option that names a member', async () => {
  await writeThoughts();
  const asked: object[] = [];
  const loadEmbedder = async (options: object) => {
    asked.push(options);
    return new FakeEmbedder();
  };
  for (const [stage, args] of Object.entries(stages('self'))) {
    asked.length = 0;
    const { code, stderr } = await run([...args, '--model', 'base', '--adapter', 'mine', '--offline'], {
      loadEmbedder,
    });
    expect(code, `${stage}: ${stderr}`).toBe(0);
    expect(asked.length, stage).toBeGreaterThan(0);
    for (const options of asked)
      expect(options, stage).toMatchObject({ model: 'base', adapter: 'mine', offline: true });
  }
});
