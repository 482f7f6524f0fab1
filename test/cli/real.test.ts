import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { resolveModel } from '../../src/models/index.js';
import { compiledSource } from '../support/compile.js';
import { REFERENCE_ADAPTER } from '../support/reference-adapter.js';

/** The command line on the real model and adapter, as a user runs it. */

/** A run takes a few seconds, but on a machine that does other work too it may take many times as long. */
vi.setConfig({ testTimeout: 300_000 });

const PAGES: Record<string, string> = {
  'watch.md':
    '# fs.watch(filename)\n\nWatch for changes on `filename`, where `filename` is either a file or a directory.\n',
  'hash.md': '# crypto.createHash(algorithm)\n\nCreates a `Hash` object that makes digests with the given algorithm.\n',
  'tick.md': '# process.nextTick(callback)\n\nAdds `callback` to the queue that runs before the event loop goes on.\n',
  'gzip.md': '# zlib.gzip(buffer)\n\nCompresses the data in `buffer` with gzip.\n',
};
const TINY = fileURLToPath(new URL('../fixtures/tiny-models/tiny_llama_f32.gguf', import.meta.url));

let main: string;
let home: string;
let docs: string;
beforeAll(async () => {
  main = join(await compiledSource(), 'cli/main.js');
  home = await mkdtemp(join(tmpdir(), 'o1-real-'));
  docs = join(home, 'docs');
  await mkdir(docs);
  for (const [name, text] of Object.entries(PAGES)) await writeFile(join(docs, name), text);
  await resolveModel('smollm2-135m-instruct');
});
afterAll(() => rm(home, { recursive: true, force: true }));

async function o1(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  try {
    const ended = await promisify(execFile)(process.execPath, [main, ...args], { timeout: 280_000 });
    return { code: 0, ...ended };
  } catch (error) {
    return error as { code: number; stdout: string; stderr: string };
  }
}

test('search in a folder: the page that answers comes first, and the thought is shown', async () => {
  const args = ['search', docs, 'get told when something in a folder is modified', '--index', join(home, 'index')];
  const { code, stdout, stderr } = await o1(...args, '--stream', '--json');
  expect(stderr).toContain('embedded 4 documents');
  expect(code).toBe(0);
  const events = stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
  expect(events[0].hits[0].id).toBe('watch.md#fswatchfilename');
  const tokens = events.filter(({ type }) => type === 'token');
  for (const [sample, thought] of events.at(-1).thoughts.entries()) {
    const texts = tokens.filter((token) => token.sample === sample).map(({ text }) => text);
    expect(texts.join('')).toBe(thought.text);
    expect(thought.text.length).toBeGreaterThan(10);
  }
});

test('think --json: unit vectors and their cosine', async () => {
  const { code, stdout } = await o1('think', 'watch a folder for changes', '--json', '--mode', 'fp32');
  expect(code).toBe(0);
  const { mode, thoughts, cosine, instant, vector } = JSON.parse(stdout) as {
    mode: string;
    thoughts: { text: string }[];
    cosine: number;
    instant: number[];
    vector: number[];
  };
  const dot = (a: number[], b: number[]) => a.reduce((sum, value, i) => sum + value * b[i]!, 0);
  expect(mode).toBe('fp32');
  expect(thoughts).toHaveLength(2);
  expect(dot(instant, instant)).toBeCloseTo(1, 5);
  expect(dot(vector, vector)).toBeCloseTo(1, 5);
  expect(dot(instant, vector)).toBeCloseTo(cosine, 5);
  expect(cosine).toBeLessThan(0.999);
});

describe('what cannot be loaded', () => {
  test.each([
    ['an unknown model', ['--model', 'smollm3'], 'Known names: smollm2-135m-instruct'],
    ['an unknown adapter', ['--adapter', 'no-such-adapter'], 'no adapter "no-such-adapter"'],
    ['another base model: both hashes', ['--model', TINY], /weights b179c952\w+, the model in use has [0-9a-f]{64}/],
  ])('%s', async (_, args, message) => {
    const { code, stdout, stderr } = await o1('think', 'anything', ...args);
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr).toMatch(message);
    expect(stderr).not.toMatch(/\n\s+at /);
  });

  test('a damaged adapter fails its self-test or its checks', async () => {
    const folder = join(home, 'adapter');
    await cp(REFERENCE_ADAPTER, folder, { recursive: true });
    const path = join(folder, 'adapter_model.safetensors');
    await writeFile(path, (await readFile(path)).subarray(0, 1_000_000));
    const { code, stderr } = await o1('think', 'anything', '--adapter', folder);
    expect(code).toBe(1);
    expect(stderr).toContain(path);
    expect(stderr).not.toMatch(/\n\s+at /);
  });
});
