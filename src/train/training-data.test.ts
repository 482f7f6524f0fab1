import { appendFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { tinyBase, tinyRecipe, writeTinyData } from '../../test/support/tiny-training.js';
import { TINY_SETTINGS } from '../testing/index.js';
import type { DataSet, Recipe } from './config.js';
import { StageBatches } from './stage-batches.js';
import { allExamples, loadTrainingData } from './training-data.js';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'o1-training-data-'));
  await writeTinyData(folder);
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const LENGTHS = { query: 32, thought: 16, document: 40 };
/** The one set of the tiny recipe. */
const loadAll = (changes: Partial<DataSet> = {}, loss: Partial<Recipe['loss']> = {}) => {
  const recipe = tinyRecipe(folder);
  const settings = { ...TINY_SETTINGS, lengths: LENGTHS };
  const data = recipe.data.map((set) => ({ ...set, ...changes }));
  return loadTrainingData({ ...recipe, data, loss: { ...recipe.loss, ...loss } }, tinyBase().tokenizer, settings);
};
const load = async (changes: Partial<DataSet> = {}) => (await loadAll(changes)).sets[0]!;

/** Replaces one line (from 1) of a file. */
async function changeLine(file: string, number: number, line: string): Promise<void> {
  const path = join(folder, file);
  const lines = (await readFile(path, 'utf8')).split('\n');
  lines[number - 1] = line;
  await writeFile(path, lines.join('\n'));
}

test('examples have their tokens, positives and thoughts', async () => {
  const { examples, documents, validation } = await load();
  expect([examples.length, documents.length, validation?.queries.length]).toEqual([70, 80, 10]);
  const [first] = examples;
  const text = [...new TextEncoder().encode('how to open a file')];
  expect(first!.tokens).toEqual([257, ...text, 260]);
  expect(documents[first!.positive]!.id).toBe('file.open');
  expect(first!.thoughts.map((ids) => new TextDecoder().decode(Uint8Array.from(ids)))).toEqual([
    'use file.open',
    'try file.open',
  ]);
});

describe('a bad file is an error with file, line and field, before the first step', () => {
  test.each([
    ['a thought without id', 'thoughts.jsonl', 3, '{"thoughts":["x"]}', /thoughts\.jsonl:3: field "_id"/],
    ['no thoughts', 'thoughts.jsonl', 2, '{"_id":"q-file.close"}', /thoughts\.jsonl:2: field "thoughts"/],
    ['an empty list', 'thoughts.jsonl', 2, '{"_id":"q","thoughts":[]}', /thoughts\.jsonl:2: .*at least one thought/],
    [
      'an empty thought',
      'thoughts.jsonl',
      2,
      '{"_id":"q","thoughts":["a"," "]}',
      /jsonl:2: field "thoughts\.1".*empty/,
    ],
    [
      'a thought beyond the policy',
      'thoughts.jsonl',
      5,
      '{"_id":"q","thoughts":["longer than sixteen tokens"]}',
      /thoughts\.jsonl:5: field "thoughts\.0": the thought has 26 tokens, the length policy allows 16/,
    ],
    ['no JSON', 'thoughts.jsonl', 4, '{"_id":', /thoughts\.jsonl:4: expected a JSON object/],
    [
      'a thought twice',
      'thoughts.jsonl',
      4,
      '{"_id":"q-file.open","thoughts":["x"]}',
      /jsonl:4: .*already in .*jsonl:1/,
    ],
    ['a query without thoughts', 'thoughts.jsonl', 1, '', /thoughts\.jsonl: has no thoughts for query "q-file\.open"/],
    ['a positive that is not there', 'qrels/train.tsv', 3, 'q-file.close\tgone\t2', /train\.tsv:3: document "gone"/],
    ['a query without text', 'queries.jsonl', 2, '{"_id":"q-file.close"}', /queries\.jsonl:2: field "text"/],
    [
      'no positive',
      'qrels/train.tsv',
      2,
      'q-file.open\tfile.open\t0',
      /train\.tsv: query "q-file\.open" has no document/,
    ],
  ])('%s', async (_, file, number, line, message) => {
    await changeLine(file, number, line);
    await expect(load()).rejects.toThrow(message);
  });

  test('a negative that is not there, and a query without negatives', async () => {
    const negatives = join(folder, 'negatives.jsonl');
    await writeFile(negatives, '{"_id":"q-file.open","negatives":["file.close","gone"]}\n');
    await expect(load({ negatives })).rejects.toThrow(/negatives\.jsonl:1: field "negatives\.1": document "gone"/);
    await writeFile(negatives, '{"_id":"q-file.open","negatives":["file.close"]}\n');
    await expect(load({ negatives })).rejects.toThrow(/has no negatives for query "q-file\.close"/);
  });
});

describe("the committee's scores", () => {
  const DISTILS = { distillation: { weight: 1, teacherTemperature: 0.02 } };
  const line = (id: string, rest: object) =>
    `${JSON.stringify({ _id: id, negatives: ['file.close', 'file.read'], ...rest })}\n`;
  const teacher = { positive: 0.9, negatives: [0.5, 0.25] };

  test('are read with the negatives where they are to be learnt', async () => {
    const { examples } = await load();
    const negatives = join(folder, 'negatives.jsonl');
    await writeFile(negatives, examples.map(({ id }) => line(id, { teacher })).join(''));
    const scored = await loadAll({ negatives }, DISTILS);
    expect(scored.sets[0]!.examples[0]!.teacher).toEqual(teacher);
    expect((await load({ negatives })).examples[0]!.teacher).toBeUndefined();
    const stage = { ...tinyRecipe(folder).stages[0]!, batch: 8, epochs: 1, hardNegatives: 1 };
    const tokens = { thought: 259, end: 256, embedding: 260 };
    const batch = new StageBatches(scored, { stage, index: 0, seed: 1, tokens }).at(0);
    batch.committee!.forEach((own, i) => {
      expect(own!.scores).toEqual([0.9, 0.5]);
      expect(own!.candidates.map((place) => batch.documentIds[place])).toEqual([
        batch.documentIds[batch.positives[i]!],
        'file.close',
      ]);
    });
  });

  test.each([
    ['missing', {}, /negatives\.jsonl:1: field "teacher"/],
    ['missing for the positive', { teacher: { negatives: [1, 2] } }, /negatives\.jsonl:1: field "teacher\.positive"/],
    [
      'too few',
      { teacher: { ...teacher, negatives: [1] } },
      /:1: field "teacher\.negatives": expected 2 scores.* got 1/,
    ],
  ])('%s: an error, never a default', async (_, rest, message) => {
    const negatives = join(folder, 'negatives.jsonl');
    await writeFile(negatives, line('q-file.open', rest));
    await expect(loadAll({ negatives }, DISTILS)).rejects.toThrow(message);
  });

  test('are wanted of every set', async () => {
    await expect(loadAll({}, DISTILS)).rejects.toThrow(/data\.0\.negatives: expected a file of negatives/);
  });
});

test('a long thought is cut where the recipe says so', async () => {
  await changeLine('thoughts.jsonl', 1, '{"_id":"q-file.open","thoughts":["longer than sixteen tokens"]}');
  // Of the development split: not trained on, and not counted.
  await changeLine('thoughts.jsonl', 80, '{"_id":"q-event.list","thoughts":["longer than sixteen tokens"]}');
  const { examples, cutThoughts } = await load({ longThoughts: 'cut' });
  expect(cutThoughts).toBe(1);
  expect(examples.some(({ id }) => id === 'q-event.list')).toBe(false);
  expect(examples[0]!.thoughts[0]).toHaveLength(16);
});

describe('batches', () => {
  const tokens = { thought: 259, end: 256, embedding: 260 };
  const batches = async (changes: Partial<Recipe['stages'][number]> = {}, seed = 1) => {
    const stage = { ...tinyRecipe(folder).stages[1]!, batch: 8, epochs: 2, ...changes };
    return new StageBatches(await loadAll(), { stage, index: 1, seed, tokens });
  };

  test('each epoch has every query once, in an order that follows from the seed', async () => {
    const ids = (list: StageBatches) => Array.from({ length: 17 }, (_, i) => list.at(i).queryIds).flat();
    const first = ids(await batches());
    expect((await batches()).steps).toBe(17);
    expect(new Set(first.slice(0, 70)).size).toBe(70);
    expect(new Set(first.slice(70)).size).toBe(66);
    expect(first.slice(0, 70)).not.toEqual(first.slice(70));
    expect(ids(await batches())).toEqual(first);
    expect(ids(await batches({}, 2))).not.toEqual(first);
  });

  test('a thought keeps its end mark, and the share of queries without one is as asked', async () => {
    const list = await batches({ queryOnlyShare: 0.25 });
    const queries = Array.from({ length: 17 }, (_, i) => list.at(i).queries).flat();
    const thinking = queries.filter(({ tokens, instantAt }) => tokens.length > instantAt + 1);
    for (const query of thinking) {
      expect(query.tokens[query.instantAt]).toBe(260);
      expect(query.tokens[query.instantAt + 1]).toBe(259);
      expect(query.tokens.slice(-2)).toEqual([256, 260]);
    }
    expect(thinking.length / queries.length).toBeGreaterThan(0.6);
    expect(thinking.length / queries.length).toBeLessThan(0.9);
  });

  test('a document that answers two queries stands once, and what answers a query is never its negative', async () => {
    await appendFile(join(folder, 'qrels', 'train.tsv'), 'q-file.open\tfile.close\t1\nq-file.read\tfile.close\t3\n');
    const list = await batches({ batch: 70, epochs: 1 });
    const batch = list.at(0);
    expect(new Set(batch.documentIds).size).toBe(batch.documentIds.length);
    const [open, read] = ['q-file.open', 'q-file.read'].map((id) => batch.queryIds.indexOf(id));
    const close = batch.documentIds.indexOf('file.close');
    expect(batch.positives[read!]).toBe(close);
    expect(batch.documentIds[batch.positives[open!]!]).toBe('file.open');
    expect(batch.excluded!(open!, close)).toBe(true);
    expect(batch.excluded!(open!, batch.documentIds.indexOf('socket.open'))).toBe(false);
  });

  test("of several candidates one is drawn in each epoch, and the committee's winner alone is cloned", async () => {
    const list = await batches({ batch: 70, epochs: 4, queryOnlyShare: 0 });
    const queries = [0, 1, 2, 3].flatMap((step) => list.at(step).queries);
    for (const { tokens, instantAt, cloned } of queries) {
      const thought = new TextDecoder().decode(Uint8Array.from(tokens.slice(instantAt + 2, -2)));
      expect(thought.startsWith('use ')).toBe(cloned);
    }
    const share = queries.filter(({ cloned }) => cloned).length / queries.length;
    expect(share).toBeGreaterThan(0.4);
    expect(share).toBeLessThan(0.6);
  });

  test('own thoughts are read, not cloned, in their share', async () => {
    const data = await loadAll({ candidates: 'first' });
    const stage = {
      ...tinyRecipe(folder).stages[2]!,
      batch: 70,
      epochs: 4,
      queryOnlyShare: 0,
      ownThoughts: { share: 0.6, perQuery: 2, temperature: 0.6, topP: 1 },
    };
    const own = new Map(allExamples(data).map((example) => [example, [[65], [66, 67]]]));
    const list = new StageBatches(data, { stage, index: 2, seed: 1, tokens, own });
    const queries = [0, 1, 2, 3].flatMap((step) => list.at(step).queries);
    const read = queries.filter(({ cloned }) => !cloned);
    for (const { tokens, instantAt } of read) {
      expect(['65', '66,67']).toContain(tokens.slice(instantAt + 2, -2).join());
    }
    expect(read.length / queries.length).toBeGreaterThan(0.5);
    expect(read.length / queries.length).toBeLessThan(0.7);
  });

  test('title pairs stand beside the queries, and neither form of a document is a negative of what it answers', async () => {
    const stage = { ...tinyRecipe(folder).stages[0]!, batch: 70, titles: 80, epochs: 1 };
    const data = await loadAll({ titles: true });
    const list = new StageBatches(data, { stage, index: 0, seed: 1, tokens });
    const { queries, documents, positives, excluded, queryIds, documentIds } = list.at(0);
    const text = (ids: readonly number[]) => new TextDecoder().decode(Uint8Array.from(ids.slice(1, -1)));
    expect(queries).toHaveLength(150);
    const title = queries.findIndex(({ tokens }) => text(tokens) === 'file.open');
    const query = queryIds.indexOf('q-file.open');
    expect(title).toBeGreaterThanOrEqual(70);
    expect(queryIds[title]).toBeUndefined();
    expect(text(documents[positives[title]!]!.tokens)).toBe('opens the file');
    expect(text(documents[positives[query]!]!.tokens)).toBe('file.open\nopens the file');
    for (const row of [title, query]) {
      const left = documentIds.filter((_, column) => excluded!(row, column));
      expect(left).toEqual(['file.open', 'file.open']);
    }
    const without = { ...stage, titles: 0 };
    expect(new StageBatches(data, { stage: without, index: 0, seed: 1, tokens }).at(0).queries).toHaveLength(70);
    const none = await loadAll();
    expect(() => new StageBatches(none, { stage, index: 0, seed: 1, tokens })).toThrow(
      /stages\.0\.titles: .*title pairs/,
    );
  });
});

describe('several sets', () => {
  const several = async (seed = 1) => {
    const other = join(folder, 'other');
    await writeTinyData(other);
    await writeFile(join(other, 'qrels', 'train.tsv'), 'query-id\tcorpus-id\tscore\nq-event.copy\tevent.copy\t1\n');
    await appendFile(join(other, 'qrels', 'train.tsv'), 'q-event.list\tevent.list\t1\nq-path.open\tpath.open\t1\n');
    const recipe = tinyRecipe(folder);
    const second = { ...recipe.data[0]!, name: 'other', folder: other };
    const stage = { ...recipe.stages[0]!, batch: 2, epochs: 2 };
    const settings = { ...TINY_SETTINGS, lengths: LENGTHS };
    const data = await loadTrainingData({ ...recipe, data: [recipe.data[0]!, second] }, tinyBase().tokenizer, settings);
    const tokens = { thought: 259, end: 256, embedding: 260 };
    const batches = new StageBatches(data, { stage, index: 0, seed, tokens });
    return { data, steps: Array.from({ length: batches.steps }, (_, i) => batches.at(i)) };
  };

  test('a step is of one set, and the sets have steps in proportion to their queries, in an order of the seed', async () => {
    const { steps, data } = await several();
    const order = steps.map(({ set }) => set);
    expect(order.filter((set) => set === 'tiny')).toHaveLength(70);
    expect(order.filter((set) => set === 'other')).toHaveLength(3);
    expect(order.slice(0, 70)).toContain('other');
    for (const { set, queryIds } of steps) {
      const own = new Set(data.sets.find(({ name }) => name === set)!.examples.map(({ id }) => id));
      expect(queryIds.every((id) => own.has(id!))).toBe(true);
    }
    const ofOther = steps.filter(({ set }) => set === 'other').flatMap(({ queryIds }) => queryIds);
    expect([...ofOther].sort()).toEqual(['q-event.copy', 'q-event.list', 'q-path.open'].flatMap((id) => [id, id]));
    expect((await several()).steps.map(({ set }) => set)).toEqual(order);
    expect((await several(2)).steps.map(({ set }) => set)).not.toEqual(order);
  });

  test('a stage trains on the sets it names, in the batches they have in a stage of all', async () => {
    const { data } = await several();
    const all = { ...tinyRecipe(folder).stages[0]!, batch: 2, epochs: 2 };
    const steps = (stage: typeof all) => {
      const tokens = { thought: 259, end: 256, embedding: 260 };
      const batches = new StageBatches(data, { stage, index: 0, seed: 1, tokens });
      return Array.from({ length: batches.steps }, (_, i) => batches.at(i).queryIds.join());
    };
    const ofOther = steps({ ...all, sets: ['other'] });
    expect(ofOther).toHaveLength(3);
    expect(steps(all)).toEqual(expect.arrayContaining(ofOther));
    expect(allExamples(data, { sets: ['other'] }).map(({ id }) => id)).toEqual(
      data.sets[1]!.examples.map(({ id }) => id),
    );
  });

  test('the fingerprint covers every set, its judgements for validation too', async () => {
    const { data } = await several();
    expect((await several()).data.fingerprint).toBe(data.fingerprint);
    const one = await loadAll();
    expect(one.fingerprint).not.toBe(data.fingerprint);
    await changeLine('qrels/dev.tsv', 2, 'q-path.write\tpath.write\t1');
    expect((await loadAll()).fingerprint).not.toBe(one.fingerprint);
    expect((await loadAll({ name: 'renamed' })).fingerprint).not.toBe((await loadAll()).fingerprint);
  });

  test('a set too small for a batch is an error that names it', async () => {
    const data = await loadAll();
    const stage = { ...tinyRecipe(folder).stages[0]!, batch: 71, epochs: 1 };
    const tokens = { thought: 259, end: 256, embedding: 260 };
    expect(() => new StageBatches(data, { stage, index: 0, seed: 1, tokens })).toThrow(
      /stages\.0\.batch: 1 epochs of 70 queries \("tiny"\) do not fill one batch of 71/,
    );
  });
});
