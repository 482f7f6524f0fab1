import { spawn } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { compiledSource } from '../../test/support/compile.js';
import { FakeLlm } from '../../test/support/fake-llm.js';
import { tinyRetrievalSet } from '../../test/support/tiny-retrieval-set.js';
import { fraction } from './index.js';

const CONCURRENCY = 2;
const set = tinyRetrievalSet();

/** What the child processes run: one stage, from wherever it stands in the folder. */
const script = (source: string, baseURL: string) => `
import { writeSync } from 'node:fs';
const { openaiCompatible } = await import('${pathToFileURL(join(source, 'llm', 'index.js'))}');
const synth = await import('${pathToFileURL(join(source, 'synth', 'index.js'))}');
const [, , stage, output] = process.argv;
const set = { documents: ${JSON.stringify(set.documents)}, queries: ${JSON.stringify(set.queries)}, qrels: new Map() };
for (const [i, { id }] of set.queries.entries()) set.qrels.set(id, new Map([[set.documents[i].id, 1]]));
const model = openaiCompatible({ baseURL: '${baseURL}', model: 'fake' });
const countTokens = (text) => text.split(/\\s+/).length;
const common = { output, model, countTokens, concurrency: ${CONCURRENCY} };
writeSync(1, 'started');
await synth.inOutputFolder(output, () => stage === 'thoughts'
  ? synth.exploreThoughts({ ...common, set })
  : synth.synthesiseQueries({ ...common, documents: set.documents, roundTrip: { top: 8 } }));
`;

let endpoint: FakeLlm;
let work: string;
let scriptPath: string;

beforeAll(async () => {
  const source = await compiledSource();
  endpoint = await FakeLlm.start();
  // Long enough for the random moments to fall among the answers.
  endpoint.delayMs = 20;
  work = await mkdtemp(join(tmpdir(), 'o1-synth-crash-'));
  // Beside the compiled source, from where the libraries can be found.
  scriptPath = join(source, '..', `synth-crash-${process.pid}.mjs`);
  await writeFile(scriptPath, script(source, endpoint.baseURL));
});

afterAll(async () => {
  await endpoint.close();
  await rm(work, { recursive: true, force: true });
  await rm(scriptPath, { force: true });
});

/** Every file of a folder but the journal, whose order is that of the answers. */
async function result(folder: string): Promise<Record<string, string>> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile() && !entry.parentPath.endsWith('journal'));
  const pairs = files.map(async ({ name, parentPath }) => [name, await readFile(join(parentPath, name), 'utf8')]);
  return Object.fromEntries(await Promise.all(pairs));
}

/** Runs a child; with `killAfterMs` it is killed that long after it has started to work. Says whether it was killed. */
function start(
  stage: string,
  folder: string,
  options: { readonly crashAt?: string; readonly killAfterMs?: number } = {},
): Promise<boolean> {
  const { crashAt = '', killAfterMs } = options;
  const child = spawn(process.execPath, [scriptPath, stage, folder], {
    env: { ...process.env, O1_CRASH_AT: crashAt },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let errors = '';
  child.stderr.on('data', (chunk) => {
    errors += chunk;
  });
  if (killAfterMs !== undefined) {
    child.stdout.once('data', () => setTimeout(() => child.kill('SIGKILL'), killAfterMs));
  }
  return new Promise((resolve, reject) => {
    child.on('exit', (code, signal) => {
      if (code === 0 || signal === 'SIGKILL') resolve(signal === 'SIGKILL');
      else reject(new Error(`the child ended with ${code}: ${errors}`));
    });
  });
}

const MOMENTS: Record<string, string[]> = {
  thoughts: ['synth-candidates', 'synth-manifest'],
  queries: ['synth-queries', 'synth-query-set', 'synth-queries-manifest'],
};

test.each(['thoughts', 'queries'])(
  '%s: killed at ten moments and more, the files are those of a run without a stop',
  async (stage) => {
    const whole = join(work, `${stage}-whole`);
    await mkdir(whole);
    await start(stage, whole);
    const asked = endpoint.answered();
    expect([...asked.values()].every((times) => times === 1)).toBe(true);
    endpoint.seen.length = 0;

    const folder = join(work, stage);
    let kills = 0;
    for (const crashAt of [
      'synth-answer:2',
      'journal-before-write:2',
      'journal-before-flush:2',
      'journal-after-flush:1',
    ]) {
      expect(await start(stage, folder, { crashAt })).toBe(true);
      kills++;
    }
    for (let i = 0; i < 4; i++) {
      // 24 questions, two at a time, take a quarter of a second.
      if (await start(stage, folder, { killAfterMs: Math.floor(150 * fraction('moment', stage, i)) })) kills++;
    }
    for (const crashAt of MOMENTS[stage]!) {
      expect(await start(stage, folder, { crashAt })).toBe(true);
      kills++;
    }
    expect(await start(stage, folder)).toBe(false);
    expect(await result(folder)).toEqual(await result(whole));

    // Each kill loses at most the answers under way.
    const again = endpoint.answered();
    expect(new Set(again.keys())).toEqual(new Set(asked.keys()));
    const total = [...again.values()].reduce((sum, times) => sum + times, 0);
    expect(total - asked.size).toBeLessThanOrEqual(kills * CONCURRENCY);
    const before = endpoint.seen.length;
    await start(stage, folder);
    expect(endpoint.seen).toHaveLength(before);
    endpoint.seen.length = 0;
  },
);
