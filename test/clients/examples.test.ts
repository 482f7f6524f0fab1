import { readdir } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createApp, type Listening, listen } from '../../src/server/index.js';
import { SlowService } from '../playground/slow-service.js';
import { Examples } from './run-example.js';

/** The clients' examples, as they stand, against a server without a model. `real.test.ts` runs them with one. */

let examples: Examples;
let server: Listening;
const service = new SlowService({});
beforeAll(async () => {
  examples = await Examples.prepare();
  server = await listen(createApp({ service, apiKey: 'secret' }), { port: 0 });
});
afterAll(async () => {
  await server?.close(0);
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
  service.asked.length = 0;
  const env = { O1_URL: `${server.address}/v1`, O1_API_KEY: 'secret' };
  expect(await examples.run(`clients/${name}`, [QUESTION], env)).toMatch(output);
  expect(service.asked.map(({ text, options }) => [text, options.think])).toEqual([
    [QUESTION, 'always'],
    ...(name === 'ai-sdk.mjs' ? [[QUESTION, 'never']] : []),
  ]);
});
