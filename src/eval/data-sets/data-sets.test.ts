import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { mean, ndcg } from '../../metrics/index.js';
import { Bm25, documentText, readQrels } from '../../search/index.js';
import { CATALOGUE, loadEvaluationSet, SUITES, unseenQueries } from '../index.js';

const SCIFACT = fileURLToPath(new URL('../../../data/scifact/', import.meta.url));

test.each(SUITES.small!)('%s comes with the repository and has the counts of the catalogue', async (name) => {
  const set = await loadEvaluationSet(name);
  expect(set.remarks).toEqual([]);
  expect(set.origin).toBe(`data/${name}`);
  expect(set.test.queries.length).toBeGreaterThanOrEqual(200);
});

test("SciFact: dev is drawn by document out of BEIR's train, and the unseen slice is 104 queries", async () => {
  const [train, dev] = await Promise.all(
    ['train', 'dev'].map((name) => readQrels(join(SCIFACT, 'qrels', `${name}.tsv`))),
  );
  expect([train!.size, dev!.size]).toEqual([709, 100]);
  const documents = (qrels: typeof train) => new Set([...qrels!.values()].flatMap((grades) => [...grades.keys()]));
  expect([...documents(dev)].filter((id) => documents(train).has(id))).toEqual([]);
  const set = await loadEvaluationSet('scifact');
  const [unseen] = set.slices;
  expect(unseen!.queryIds.size).toBe(104);
  const seen = new Set([...documents(train), ...documents(dev)]);
  for (const id of unseen!.queryIds) {
    expect([...set.test.qrels.get(id)!.keys()].filter((document) => seen.has(document))).toEqual([]);
  }
  expect(set.test.expertThoughts?.size).toBe(1109);
  expect(set.dev?.expertThoughts).toBeDefined();
});

test('the script that drew the dev split draws the same again', () => {
  const copy = mkdtempSync(join(tmpdir(), 'o1-carve-'));
  try {
    cpSync(SCIFACT, copy, { recursive: true });
    execFileSync(process.execPath, [join(copy, 'carve-dev.mjs')]);
    for (const name of ['train.tsv', 'dev.tsv']) {
      expect(readFileSync(join(copy, 'qrels', name), 'utf8')).toBe(readFileSync(join(SCIFACT, 'qrels', name), 'utf8'));
    }
  } finally {
    rmSync(copy, { recursive: true });
  }
});

test("BM25: within a point of Anserini's figure on SciFact (.679), and the demo's on Node API", async () => {
  const figures: number[] = [];
  for (const name of ['scifact', 'node-api']) {
    const { documents, test: judged } = await loadEvaluationSet(name);
    const bm25 = new Bm25(documents.map((record) => ({ id: record.id, text: documentText(record) })));
    const run = new Map(judged.queries.map(({ id, text }) => [id, bm25.search(text, 10)]));
    figures.push(mean(ndcg(run, judged.qrels, 10)));
  }
  expect(Math.abs(figures[0]! - 0.679)).toBeLessThan(0.01);
  expect(figures[1]!.toFixed(3)).toBe('0.321');
}, 300_000);

test('unseen: none of the relevant documents is relevant elsewhere; grade 0 does not count', () => {
  const qrels = (grades: Record<string, Record<string, number>>) =>
    new Map(Object.entries(grades).map(([id, documents]) => [id, new Map(Object.entries(documents))]));
  const test = qrels({ new: { a: 1, b: 0 }, half: { a: 1, c: 2 }, old: { c: 1 } });
  expect(unseenQueries(test, [qrels({ t: { c: 1, a: 0 } }), qrels({ u: { b: 1 } })])).toEqual(new Set(['new']));
});

test('a set that cannot be fetched here says where it is', async () => {
  for (const { name, bundled } of CATALOGUE) {
    if (bundled) continue;
    await expect(loadEvaluationSet(name)).rejects.toThrow(/not fetched by this program\. Get it from https:.*=FOLDER/);
  }
  await expect(loadEvaluationSet('nonsense')).rejects.toThrow(/no such data set: "nonsense".*node-api, scifact, cosqa/);
});

test('any folder in BEIR format, and a remark where it is not the published set', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'o1-beir-'));
  try {
    mkdirSync(join(folder, 'qrels'));
    writeFileSync(join(folder, 'corpus.jsonl'), '{"_id": "a", "title": "", "text": "x"}\n');
    writeFileSync(join(folder, 'queries.jsonl'), '{"_id": "q", "text": "y"}\n');
    writeFileSync(join(folder, 'qrels', 'test.tsv'), 'query-id\tcorpus-id\tscore\nq\ta\t1\n');
    const own = await loadEvaluationSet('mine', folder);
    expect(own).toMatchObject({ name: 'mine', origin: folder, split: 'test', slices: [], dev: undefined });
    expect(own.remarks).toEqual(['There is no dev split: nothing is chosen on it.']);
    const pretended = await loadEvaluationSet('nq', folder);
    expect(pretended.remarks.join()).toContain('Not the published set: 1 documents instead of 2681468, 1 queries');
  } finally {
    rmSync(folder, { recursive: true });
  }
});
