import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { compiledSource } from '../support/compile.js';
import { tinySet } from './tiny-set.js';

/** The child evaluates the tiny set, writes what it found, and counts what it computed. */
const script = (source: string) => `
import { writeFileSync } from 'node:fs';
const { evaluate } = await import('${pathToFileURL(join(source, 'eval', 'index.js'))}');
const { tinyEmbedder } = await import('${pathToFileURL(join(source, 'testing', 'index.js'))}');
const [cache, output] = process.argv.slice(2);
const o1 = await tinyEmbedder();
let asked = 0;
const counted = { settings: o1.settings, mode: o1.mode, fingerprint: o1.fingerprint,
  embedDocuments: (texts, options) => o1.embedDocuments(texts, options),
  embedQuery: (text, options) => { asked++; return o1.embedQuery(text, options); } };
const { documents, test } = ${JSON.stringify({ documents: tinySet().documents, test: tinySet().test.queries })};
const qrels = new Map(test.map(({ id }) => [id, new Map([[id.replace('q', 'd'), 1]])]));
const set = { name: 'tiny', origin: 'a test', split: 'test', documents, test: { queries: test, qrels }, slices: [], relevantFrom: 1, remarks: [] };
const { sets } = await evaluate({ sets: [set], systems: ['o1:never', 'o1:k1'], o1: counted, cache, repetitions: 50 });
writeFileSync(output, JSON.stringify({ asked, scores: sets[0].queries.map(({ scores }) => scores) }));
`;

let work: string;
let scriptPath: string;
beforeAll(async () => {
  const source = await compiledSource();
  work = await mkdtemp(join(tmpdir(), 'o1-eval-crash-'));
  // Beside the compiled source, from where the libraries can be found.
  scriptPath = join(source, '..', `eval-crash-${process.pid}.mjs`);
  await writeFile(scriptPath, script(source));
});
afterAll(async () => {
  await rm(work, { recursive: true, force: true });
  await rm(scriptPath, { force: true });
});

async function run(
  cache: string,
  crashAt = '',
): Promise<{ signal: string | null; found?: { asked: number; scores: unknown } }> {
  const output = join(work, 'found.json');
  const child = spawn(process.execPath, [scriptPath, join(work, cache), output], {
    env: { ...process.env, O1_CRASH_AT: crashAt },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const [, signal] = (await once(child, 'exit')) as [number | null, string | null];
  return signal ? { signal } : { signal, found: JSON.parse(await readFile(output, 'utf8')) };
}

test('killed while it embeds, an evaluation goes on where it was and finds the same', async () => {
  const whole = await run('whole');
  expect(whole.found!.asked).toBe(8);
  // The first write is that of the documents; the others are of one query each.
  for (const [crashAt, left] of [
    ['eval-after-write:1', 8],
    ['eval-before-write:4', 6],
    ['eval-after-write:4', 5],
  ] as const) {
    const cache = crashAt.replace(':', '-');
    expect((await run(cache, crashAt)).signal).toBe('SIGKILL');
    const { found } = await run(cache);
    expect([crashAt, found!.asked]).toEqual([crashAt, left]);
    expect(found!.scores).toEqual(whole.found!.scores);
  }
}, 300_000);
