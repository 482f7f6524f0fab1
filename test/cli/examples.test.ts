import { execFile } from 'node:child_process';
import { cp, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { compiledSource } from '../support/compile.js';

/** The examples run, and the README shows them as they are. */

vi.setConfig({ testTimeout: 300_000 });

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

let examples: string;
let home: string;
beforeAll(async () => {
  // Beside the compiled source and its package.json, where `o1-embedder` means this very package.
  examples = join(await compiledSource(), '..', 'examples');
  await cp(join(ROOT, 'examples'), examples, { recursive: true });
  home = await mkdtemp(join(tmpdir(), 'o1-examples-'));
});
afterAll(() => rm(home, { recursive: true, force: true }));

async function runExample(name: string, ...args: string[]): Promise<string> {
  return (await promisify(execFile)(process.execPath, [join(examples, name), ...args], { cwd: home })).stdout;
}

const EXPECTED: Record<string, RegExp> = {
  'think.mjs': /^thought: .+\ninstant: \[ '0\.\d\d', '-?0\.\d\d' \] thinking: \[ '0\.\d\d', '-?0\.\d\d' \]\n$/,
  'search-folder.mjs': /^embedded (\d+) of \1 chunks\n\ninstant: network\.md#slow-clients [\s\S]+\nfinal: .+\n$/,
};

test('every example is run here', async () => {
  const names = (await readdir(join(ROOT, 'examples'))).filter((name) => name.endsWith('.mjs'));
  expect(names.sort()).toEqual(Object.keys(EXPECTED).sort());
});

test.each(Object.entries(EXPECTED))('%s', async (name, output) => {
  expect(await runExample(name, ...(name === 'search-folder.mjs' ? [join(examples, 'docs')] : []))).toMatch(output);
});

test("the README's snippets are the examples", async () => {
  const readme = await readFile(join(ROOT, 'README.md'), 'utf8');
  const snippets = [...readme.matchAll(/<!-- (examples\/\S+) -->\n```js\n([\s\S]*?)```/g)];
  expect(snippets.map(([, path]) => path)).toEqual(['examples/think.mjs', 'examples/search-folder.mjs']);
  for (const [, path, code] of snippets) expect(code).toBe(await readFile(join(ROOT, path!), 'utf8'));
});
