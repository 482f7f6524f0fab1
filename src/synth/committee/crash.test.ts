import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { compiledSource } from '../../../test/support/compile.js';

/** Runs a stage of the committee with the compiled source; the members' vectors depend on their neighbours, as those of int8 models. */
const script = (source: string) => `
import { writeSync } from 'node:fs';
const at = (path) => import('${pathToFileURL(`${source}/`)}' + path);
const { refineCandidates } = await at('synth/committee/index.js');
const { mineNegatives } = await at('synth/negatives/index.js');
const { HashingEncoder } = await at('testing/index.js');
const [stage, output] = process.argv.slice(2);
const words = Array.from({ length: 600 }, (_, i) => 'word' + (i % 90) + ' and word' + (i % 7));
const set = {
  documents: words.map((text, i) => ({ id: 'd' + i, title: '', text })),
  queries: words.slice(0, 200).map((text, i) => ({ id: 'q' + i, text })),
  qrels: new Map(words.slice(0, 200).map((_, i) => ['q' + i, new Map([['d' + i, 1]])])),
};
const candidates = words.slice(0, 200).map((text, i) => ({ id: 'q' + i, thoughts: [text, 'word' + i, 'other ' + text] }));
const dense = (seed) => ({
  kind: 'dense',
  name: 'dense ' + seed,
  load: async () => {
    const encoder = new HashingEncoder({ seed, neighbours: true, delayMs: 0 });
    return {
      name: 'dense', dimensions: encoder.dimensions, fingerprint: encoder.fingerprint,
      embed: (texts, options) => encoder.embedDocuments(texts, options), close: async () => {},
    };
  },
});
const members = [{ kind: 'sparse', name: 'bm25' }, dense(0), dense(1)];
writeSync(1, 'started');
if (stage === 'refine') await refineCandidates({ set, candidates, members, output });
else await mineNegatives({ set, members, output, share: 1.1 });
`;

const FILES = { refine: 'refined.jsonl', negatives: 'negatives.jsonl' } as const;
type Stage = keyof typeof FILES;
const STAGES: readonly Stage[] = ['refine', 'negatives'];

let work: string;
let scriptPath: string;
/** What a run without interruption writes, and how long it takes. */
const whole = new Map<Stage, { contents: string[]; durationMs: number }>();

beforeAll(async () => {
  const source = await compiledSource();
  work = await mkdtemp(join(tmpdir(), 'o1-committee-crash-'));
  scriptPath = join(source, '..', `committee-crash-${process.pid}.mjs`);
  await writeFile(scriptPath, script(source));
  for (const stage of STAGES) {
    const folder = join(work, `whole-${stage}`);
    const child = start(stage, folder);
    await new Promise<void>((resolve) => child.stdout!.once('data', () => resolve()));
    const begin = performance.now();
    expect(await end(child)).toBe(0);
    whole.set(stage, { durationMs: performance.now() - begin, contents: await contents(stage, folder) });
  }
}, 300_000);
afterAll(async () => {
  await rm(work, { recursive: true, force: true });
  await rm(scriptPath, { force: true });
});

function start(stage: Stage, folder: string, crashAt = ''): ChildProcess {
  return spawn(process.execPath, [scriptPath, stage, folder], {
    env: { ...process.env, O1_CRASH_AT: crashAt },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
}

const end = (child: ChildProcess) =>
  new Promise<string | number | null>((resolve) => child.once('exit', (code, signal) => resolve(signal ?? code)));

/** The final files; nothing else may be beside them but the journal. */
async function contents(stage: Stage, folder: string): Promise<string[]> {
  const names = (await readdir(folder)).filter((name) => !name.endsWith('.tmp')).sort();
  expect(names).toEqual(['journal', 'manifest.json', FILES[stage]].sort());
  return Promise.all([FILES[stage], 'manifest.json'].map((name) => readFile(join(folder, name), 'utf8')));
}

async function expectFinishes(stage: Stage, folder: string): Promise<void> {
  expect(await end(start(stage, folder))).toBe(0);
  expect(await contents(stage, folder)).toEqual(whole.get(stage)!.contents);
}

test.each<[Stage, string]>([
  ['refine', 'journal-before-write:2'],
  ['refine', 'journal-before-flush:7'],
  ['refine', 'journal-after-flush:12'],
  ['refine', 'refine-before-write'],
  ['negatives', 'vectors-before-rename'],
  ['negatives', 'vectors-before-rename:5'],
  ['negatives', 'journal-before-flush:2'],
  ['negatives', 'negatives-before-write'],
])('%s, kill -9 at %s: the next run ends with the same files', { timeout: 60_000 }, async (stage, crashAt) => {
  const folder = join(work, `${stage}-${crashAt.replaceAll(':', '-')}`);
  expect(await end(start(stage, folder, crashAt))).toBe('SIGKILL');
  await expectFinishes(stage, folder);
});

test.each(STAGES)('%s, kill -9 at ten moments, one run after the other', { timeout: 120_000 }, async (stage) => {
  const folder = join(work, `moments-${stage}`);
  const { durationMs } = whole.get(stage)!;
  let killed = 0;
  // Spread over a whole run, in an order that is not that of time.
  for (const tenth of [0, 7, 3, 9, 1, 5, 8, 2, 6, 4]) {
    const child = start(stage, folder);
    await new Promise<void>((resolve) => child.stdout!.once('data', () => resolve()));
    const timer = setTimeout(() => child.kill('SIGKILL'), (tenth / 10) * durationMs);
    if ((await end(child)) === 'SIGKILL') killed++;
    clearTimeout(timer);
  }
  // Not all ten: later runs have less to do.
  expect(killed).toBeGreaterThanOrEqual(1);
  await expectFinishes(stage, folder);
});
