import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Evaluation } from '../../src/eval/index.js';
import { parseTrecRun } from '../../src/metrics/index.js';
import { tinyEmbedder } from '../../src/testing/index.js';
import { runCli } from '../cli/run-cli.js';
import { tinySet } from './tiny-set.js';

let home: string;
let folder: string;
beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'o1-eval-cli-'));
  folder = join(home, 'set');
  const { documents, test: judged } = tinySet();
  await mkdir(join(folder, 'qrels'), { recursive: true });
  const lines = (objects: readonly object[]) => `${objects.map((object) => JSON.stringify(object)).join('\n')}\n`;
  await writeFile(join(folder, 'corpus.jsonl'), lines(documents.map(({ id, ...rest }) => ({ _id: id, ...rest }))));
  await writeFile(join(folder, 'queries.jsonl'), lines(judged.queries.map(({ id, text }) => ({ _id: id, text }))));
  const rows = [...judged.qrels].map(([id, grades]) => `${id}\t${[...grades.keys()][0]}\t1`);
  await writeFile(join(folder, 'qrels', 'test.tsv'), `query-id\tcorpus-id\tscore\n${rows.join('\n')}\n`);
});
afterAll(() => rm(home, { recursive: true, force: true }));

const evaluate = (...args: string[]) =>
  runCli(['eval', '--output', join(home, 'out'), ...args], {
    environment: { O1_CACHE: join(home, 'cache') },
    loadEmbedder: () => tinyEmbedder(),
  });

test('a folder of one’s own: tables on stdout, three files, runs that trec_eval reads', async () => {
  const systems = 'bm25,o1:never,o1:k1,o1:k1+bm25';
  const { code, stdout, stderr } = await evaluate('--data', `mine=${folder}`, '--systems', systems, '--runs');
  expect([code, stderr]).toEqual([0, expect.stringContaining('on two quiet cores where nothing is cached')]);
  expect(stdout).toContain(`## mine\n\nFrom ${folder}, split test: 20 documents, 8 queries.`);
  expect(stdout).toMatch(/\| o1:k1\+bm25 \| \.\d{3}|\| o1:k1\+bm25 \| 1\.000/);
  expect((await readdir(join(home, 'out'))).sort()).toEqual(['report.html', 'report.md', 'results.json', 'runs']);
  const run = parseTrecRun(await readFile(join(home, 'out', 'runs', 'mine.o1-k1+bm25.trec'), 'utf8'));
  expect(run.size).toBe(8);
  expect(stdout).toBe(await readFile(join(home, 'out', 'report.md'), 'utf8'));
});

test('--json, and only the systems and measures that were asked for', async () => {
  const { code, stdout } = await evaluate(
    ...['--data', `mine=${folder}`, '--systems', 'bm25', '--measures', 'MRR@10,P@1', '--json'],
  );
  const evaluation = JSON.parse(stdout) as Evaluation;
  expect(code).toBe(0);
  expect(evaluation.measures).toEqual(['MRR@10', 'P@1']);
  expect(evaluation.sets[0]!.slices[0]!.rows.map(({ system }) => system)).toEqual(['bm25']);
});

test('wrong names are said before a model is loaded', async () => {
  const loadEmbedder = () => Promise.reject(new Error('must not be loaded'));
  const wrong = (...args: string[]) => runCli(['eval', ...args], { loadEmbedder });
  expect(await wrong('--systems', 'o2')).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('no such system: "o2"'),
  });
  const fetched = await wrong('--data', 'nq', '--systems', 'o1:k1');
  expect(fetched).toMatchObject({ code: 1, stderr: expect.stringContaining('not fetched by this program') });
  await cp(folder, join(home, 'copy'), { recursive: true });
  const twice = await wrong('--data', `a=${folder}`, '--data', `a=${join(home, 'copy')}`, '--systems', 'bm25');
  expect(twice.stderr).toContain('"a" is named twice');
});

test('the list of known data sets says where to get them', async () => {
  const { code, stdout } = await evaluate('--list-data');
  expect(code).toBe(0);
  for (const name of ['msmarco', 'dl19', 'dl20', 'fiqa', 'fever', 'cosqa']) expect(stdout).toContain(`${name}: `);
  expect(stdout).toContain('https://public.ukp.informatik.tu-darmstadt.de');
});
