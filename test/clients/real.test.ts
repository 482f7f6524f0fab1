import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { resolveModel } from '../../src/models/index.js';
import { Examples } from './run-example.js';

/** The examples with the real model, in their own process. */

vi.setConfig({ testTimeout: 300_000 });

const weights = await resolveModel('smollm2-135m-instruct', { offline: true }).catch(() => undefined);

describe.skipIf(!weights)('with SmolLM2-135M-Instruct (skipped: fetch it with `o1-embedder fetch`)', () => {
  let examples: Examples;
  beforeAll(async () => {
    examples = await Examples.prepare();
  });
  afterAll(() => examples?.remove());

  test('rag-markdown: finds the passage, and the local model answers from it', async () => {
    const output = await examples.run('rag-markdown/main.mjs', ['examples/docs', 'how long are hourly copies kept?']);
    const [source, others, answer] = output.split('\n');
    expect(source).toMatch(/^source: backup\.md#retention 0\.\d\d$/);
    expect(others).toMatch(/^others: (\S+\.md#\S+ 0\.\d\d(, )?){2}$/);
    expect(answer).toMatch(/^answer: .*\b(hourly|copies|days)\b/i);
  });

  test('ai-sdk: in this process', async () => {
    const output = await examples.run('clients/ai-sdk.mjs');
    expect(output).toMatch(/^instant: fs\.watch\(filename\) \(0\.\d{3}\)\nthinking: .+ \(0\.\d{3}\)\n$/);
  });

  test('langchain: in this process', async () => {
    expect(await examples.run('clients/langchain.mjs')).toMatch(/^\S+: .+ \(0\.\d{3}\)\n$/);
  });
});
