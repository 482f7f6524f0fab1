import { readdir } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { FakeEndpoint } from './fake-endpoint.js';
import { Examples } from './run-example.js';

/** The clients' examples, as they stand, against a server without a model. `real.test.ts` runs them with one. */

let examples: Examples;
let endpoint: FakeEndpoint;
beforeAll(async () => {
  [examples, endpoint] = await Promise.all([Examples.prepare(), FakeEndpoint.start()]);
});
afterAll(async () => {
  await endpoint?.close();
  await examples?.remove();
});

const QUESTION = 'changes on filename, a file or a folder';

const EXPECTED: Record<string, RegExp> = {
  'openai-client.mjs': /^0\.\d{3} fs\.watch\(filename\)\n(0\.\d{3} .+\n){2}\d+ tokens, fake-o1\n$/,
  'ai-sdk.mjs': /^instant: fs\.watch\(filename\) \(0\.\d{3}\)\nthinking: fs\.watch\(filename\) \(0\.\d{3}\)\n$/,
  'langchain.mjs': /^fs\.watch: Watch for changes on filename, a file or a folder\. \(0\.\d{3}\)\n$/,
};

test('every example of a client is run here', async () => {
  const names = await readdir(fileURLToPath(new URL('../../examples/clients', import.meta.url)));
  expect(names.sort()).toEqual(Object.keys(EXPECTED).sort());
});

test.each(Object.entries(EXPECTED))('%s', async (name, output) => {
  endpoint.seen.length = 0;
  const written = await examples.run(`clients/${name}`, [QUESTION], { O1_URL: endpoint.baseURL, O1_API_KEY: 'secret' });
  expect(written).toMatch(output);
  expect(endpoint.seen.map(({ body }) => [body.input_type ?? 'document', body.think])).toEqual([
    ['document', undefined],
    ['query', 'always'],
    ...(name === 'ai-sdk.mjs' ? [['query', 'never']] : []),
  ]);
  for (const { headers } of endpoint.seen) expect(headers.authorization).toBe('Bearer secret');
});
