import { type ChildProcess, spawn } from 'node:child_process';
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import OpenAI from 'openai';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { resolveModel } from '../../src/models/index.js';
import { compiledSource } from '../support/compile.js';
import { Examples } from './run-example.js';

/** The examples with the real model: against the server as users start it, and in their own process. */

vi.setConfig({ testTimeout: 300_000 });

const MODEL = 'smollm2-135m-instruct';
const weights = await resolveModel(MODEL, { offline: true }).catch(() => undefined);

let examples: Examples;
beforeAll(async () => {
  if (weights) examples = await Examples.prepare();
});
afterAll(() => examples?.remove());

describe.skipIf(!weights)('against the server (skipped: `o1-embedder fetch` brings the model)', () => {
  let home: string;
  let server: ChildProcess;
  let baseURL: string;
  beforeAll(async () => {
    home = await mkdtemp(join(tmpdir(), 'o1-real-clients-'));
    const docs = join(home, 'docs');
    await cp(fileURLToPath(new URL('../../examples/docs', import.meta.url)), docs, { recursive: true });
    const main = join(await compiledSource(), 'cli/main.js');
    const args = ['serve', docs, '--port', '0', '--index', join(home, 'index'), '--offline'];
    server = spawn(process.execPath, [main, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    baseURL = await new Promise((resolve, reject) => {
      server.stderr!.on('data', (chunk) => {
        output += chunk;
      });
      server.stdout!.on('data', (chunk) => {
        const [, address] = /^Serving .* at (http:\S+)$/m.exec(String(chunk)) ?? [];
        if (address) resolve(`${address}/v1`);
      });
      server.on('exit', (code) => reject(new Error(`the server ended with ${code}: ${output}`)));
    });
  });
  afterAll(async () => {
    const ended = new Promise((resolve) => server?.on('exit', resolve));
    if (server?.kill('SIGTERM')) expect(await ended).toBe(0);
    await rm(home, { recursive: true, force: true });
  });

  test('openai-client', async () => {
    const output = await examples.run('clients/openai-client.mjs', [], { O1_URL: baseURL });
    expect(output).toMatch(/^(\d\.\d{3} .+\n){3}\d+ tokens, .+\n$/);
    expect(output.split('\n')[0]).toContain('fs.watch');
  });

  test('ai-sdk', async () => {
    const output = await examples.run('clients/ai-sdk.mjs', [], { O1_URL: baseURL });
    expect(output).toMatch(/^instant: fs\.watch\(filename\) \(0\.\d{3}\)\nthinking: .+ \(0\.\d{3}\)\n$/);
  });

  test('langchain', async () => {
    const output = await examples.run('clients/langchain.mjs', [], { O1_URL: baseURL });
    expect(output).toMatch(/^\S+: .+ \(0\.\d{3}\)\n$/);
  });

  test('a query is another vector than the same text as a document, and another after a thought', async () => {
    const client = new OpenAI({ baseURL, apiKey: 'none' });
    const vector = async (settings: object) => {
      const request = { model: 'any', input: 'close idle connections', ...settings };
      return (await client.embeddings.create(request as OpenAI.EmbeddingCreateParams)).data[0]!.embedding;
    };
    const [document, instant, thinking] = [
      await vector({}),
      await vector({ input_type: 'query' }),
      await vector({ input_type: 'query', think: 'always' }),
    ];
    const dot = (a: number[], b: number[]) => a.reduce((sum, value, i) => sum + value * b[i]!, 0);
    for (const one of [document, instant, thinking]) expect(dot(one, one)).toBeCloseTo(1, 4);
    expect(dot(document, instant)).toBeLessThan(0.99);
    expect(dot(instant, thinking)).toBeLessThan(0.999);
  });
});

describe.skipIf(!weights)('in the same process (skipped: `o1-embedder fetch` brings the model)', () => {
  test('rag-markdown: finds the passage, and the local model answers from it', async () => {
    const output = await examples.run('rag-markdown/main.mjs', ['examples/docs', 'how long are hourly copies kept?']);
    const [source, others, answer] = output.split('\n');
    expect(source).toMatch(/^source: backup\.md#retention 0\.\d\d$/);
    expect(others).toMatch(/^others: (\S+\.md#\S+ 0\.\d\d(, )?){2}$/);
    expect(answer).toMatch(/^answer: .*\b(hourly|copies|days)\b/i);
  });

  test('ai-sdk', async () => {
    const output = await examples.run('clients/ai-sdk.mjs');
    expect(output).toMatch(/^instant: fs\.watch\(filename\) \(0\.\d{3}\)\nthinking: .+ \(0\.\d{3}\)\n$/);
  });

  test('langchain', async () => {
    expect(await examples.run('clients/langchain.mjs')).toMatch(/^\S+: .+ \(0\.\d{3}\)\n$/);
  });
});
