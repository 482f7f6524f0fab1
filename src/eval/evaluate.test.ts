import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { countingEncoder, tinySet } from '../../test/eval/tiny-set.js';
import { dot, type O1Embedder } from '../embedder/index.js';
import type { Run } from '../metrics/index.js';
import { tinyEmbedder } from '../testing/index.js';
import {
  type DenseEncoder,
  defaultSystems,
  type Evaluation,
  type EvaluationProgress,
  estimateSeconds,
  evaluate,
} from './index.js';

let cache: string;
let o1: O1Embedder;
beforeAll(async () => {
  cache = await mkdtemp(join(tmpdir(), 'o1-eval-'));
  o1 = await tinyEmbedder();
});
afterAll(async () => {
  await o1.close();
  await rm(cache, { recursive: true, force: true });
});

/** An embedder that counts what it is asked. */
function counting(embedder: O1Embedder) {
  const calls = { documents: 0, queries: 0 };
  const counted = {
    settings: embedder.settings,
    mode: embedder.mode,
    fingerprint: embedder.fingerprint,
    embedDocuments: (texts: readonly string[], options = {}) => {
      calls.documents += texts.length;
      return embedder.embedDocuments(texts, options);
    },
    embedQuery: (text: string, options = {}) => {
      calls.queries++;
      return embedder.embedQuery(text, options);
    },
  };
  return { calls, o1: counted };
}

const all = defaultSystems(['words']);
const common = { repetitions: 200, sets: [tinySet()], systems: all };

describe('all systems on a small set', () => {
  let evaluation: Evaluation;
  let encoder: DenseEncoder & { texts: number };
  const progress: EvaluationProgress[] = [];
  const runs = new Map<string, Run>();
  beforeAll(async () => {
    encoder = countingEncoder('words');
    evaluation = await evaluate({
      ...common,
      ...{ o1, encoders: [encoder], cache },
      onProgress: (step) => progress.push(step),
      onRun: async (_, system, run) => {
        runs.set(system, run);
      },
    });
  });

  test('a row for every system, none skipped, with intervals around the mean', () => {
    expect(evaluation.skipped).toEqual([]);
    const [slice] = evaluation.sets[0]!.slices;
    expect(slice!.rows.map(({ system }) => system)).toEqual(all);
    for (const { values } of slice!.rows) {
      for (const { mean, low, high } of Object.values(values)) {
        expect(low).toBeLessThanOrEqual(mean);
        expect(high).toBeGreaterThanOrEqual(mean);
      }
    }
    expect([...runs.keys()]).toEqual(all);
  });

  test('words in common: BM25 and the encoder of words find everything', () => {
    const rows = evaluation.sets[0]!.slices[0]!.rows;
    expect(rows.find(({ system }) => system === 'bm25')!.values['nDCG@10']!.mean).toBe(1);
    expect(rows.find(({ system }) => system === 'encoder:words')!.values['nDCG@10']!.mean).toBeGreaterThan(0.9);
  });

  test('the weights of fusion were chosen on dev; a slice has its own figures', () => {
    const [set] = evaluation.sets;
    expect(set!.fusion['o1:k1+bm25']).toMatchObject({ method: 'weighted', chosenOn: '6 dev queries' });
    expect(set!.slices.map(({ name, queries }) => [name, queries])).toEqual([
      ['all', 8],
      ['even', 4],
    ]);
  });

  test('a slice has the means of its queries; a difference is the first less the second', () => {
    const [set] = evaluation.sets;
    for (const slice of set!.slices) {
      const members = set!.queries.filter(({ id }) => slice.name === 'all' || ['q0', 'q2', 'q4', 'q6'].includes(id));
      const meanOf = (system: string) => members.reduce((sum, { scores }) => sum + scores[system]!, 0) / members.length;
      for (const { system, values } of slice.rows) {
        expect(values['nDCG@10']!.mean).toBeCloseTo(meanOf(system), 12);
      }
      for (const { system, against, difference } of slice.differences) {
        expect(difference, `${system} ${against}`).toBeCloseTo(meanOf(system) - meanOf(against), 12);
      }
    }
  });

  test('what is chosen depends on dev alone', async () => {
    const set = tinySet();
    const wrong = (judged: typeof set.test) => ({
      ...judged,
      qrels: new Map([...judged.qrels.keys()].map((id, i) => [id, new Map([[`d${(i + 15) % 20}`, 1]])])),
    });
    const queries = set.test.queries.map((query) => ({ ...query, text: 'nothing in common' }));
    const run = (changes: Partial<typeof set>) =>
      evaluate({ ...common, sets: [{ ...set, ...changes }], o1, encoders: [countingEncoder('words')], cache });
    const moved = await run({ test: { ...wrong(set.test), queries } });
    expect(moved.sets[0]!.fusion).toEqual(evaluation.sets[0]!.fusion);
    expect(moved.o1!.auto).toEqual(evaluation.o1!.auto);
    const otherDev = await run({ dev: wrong(set.dev!) });
    expect(otherDev.sets[0]!.fusion).not.toEqual(evaluation.sets[0]!.fusion);
  });

  test("the expert's thoughts move the expert's rows alone", async () => {
    const set = tinySet();
    const expertThoughts = new Map(set.test.queries.map(({ id }) => [id, 'something else']));
    const moved = await evaluate({
      ...common,
      sets: [{ ...set, test: { ...set.test, expertThoughts } }],
      ...{ o1, encoders: [countingEncoder('words')], cache },
    });
    const rows = ({ sets }: Evaluation, expert: boolean) =>
      sets[0]!.slices[0]!.rows.filter(({ system }) => system.startsWith('o1:expert') === expert).map(
        ({ system, values }) => [system, values],
      );
    expect(rows(moved, false)).toEqual(rows(evaluation, false));
    expect(rows(moved, true)).not.toEqual(rows(evaluation, true));
  });

  test('every query has scores, winners, times and the thoughts', () => {
    const { queries } = evaluation.sets[0]!;
    expect(queries).toHaveLength(8);
    for (const { scores, winners, thoughts, ms, lead } of queries) {
      expect(winners).toContain('bm25');
      expect(lead).toBeGreaterThanOrEqual(0);
      expect(Object.keys(scores)).toEqual(all);
      expect(Object.keys(ms)).toEqual(all);
      expect(thoughts['o1:k1']).toHaveLength(1);
      expect(thoughts['o1:k3']).toHaveLength(3);
      expect(thoughts['o1:expert']![0]!.finishReason).toBe('given');
      expect(thoughts['o1:k1+bm25']).toBeUndefined();
    }
  });

  test('the sweep of the trust weight meets the systems at its ends', () => {
    const [set] = evaluation.sets;
    const value = (system: string) =>
      set!.slices[0]!.rows.find((row) => row.system === system)!.values['nDCG@10']!.mean;
    const at = (system: string, instantWeight: number) =>
      set!.trust.find((p) => p.system === system && p.split === 'test' && p.instantWeight === instantWeight)!.value;
    for (const system of ['o1:k1', 'o1:k3', 'o1:always', 'o1:expert']) {
      expect(at(system, 0)).toBeCloseTo(value(system), 6);
      expect(at(system, 1)).toBeCloseTo(value('o1:never'), 6);
    }
  });

  test('auto is compared with a coin of the same cost', () => {
    const { equalCost } = evaluation.sets[0]!.slices[0]!;
    expect(evaluation.o1!.auto!.source).toBe('chosen in this evaluation on the dev queries of tiny');
    const { thinkingShare: share, coin, never, always, auto, difference } = equalCost!;
    expect(coin).toBeCloseTo((1 - share) * never + share * always, 12);
    expect(difference).toBeCloseTo(auto - coin, 12);
  });

  test('a second evaluation computes nothing and finds the same', async () => {
    const second = counting(o1);
    const again = countingEncoder('words');
    const repeated = await evaluate({ ...common, o1: second.o1, encoders: [again], cache });
    expect([second.calls, again.texts]).toEqual([{ documents: 0, queries: 0 }, 0]);
    expect(evaluation.reused).toBe(0);
    expect(repeated.reused).toBeGreaterThan(0);
    expect(withoutTimes(repeated)).toEqual(withoutTimes(evaluation));
    expect(progress.every(({ done, total, worked }) => worked <= done && done <= total)).toBe(true);
  });

  test('another fingerprint shares nothing with it', async () => {
    const other = await tinyEmbedder({ seed: 2 });
    const counted = counting(other);
    await evaluate({ ...common, systems: ['o1:k1'], o1: counted.o1, cache });
    expect(counted.calls).toEqual({ documents: 20, queries: 14 });
    await other.close();
  });
});

test('what cannot be done is named', async () => {
  const set = tinySet();
  const bare = { ...set, dev: undefined, test: { ...set.test, expertThoughts: undefined } };
  const { skipped, sets } = await evaluate({
    ...common,
    sets: [bare],
    o1,
    encoders: [countingEncoder('words')],
    cache,
  });
  expect(Object.fromEntries(skipped.map(({ what, why }) => [what, why]))).toEqual({
    'tiny: o1:expert': 'no thoughts of an expert were recorded for this set',
    'tiny: o1:expert+bm25': 'no thoughts of an expert were recorded for this set',
    'tiny: o1:auto': expect.stringContaining('no rule for auto'),
    'tiny: o1:auto+bm25': expect.stringContaining('no rule for auto'),
  });
  expect(sets[0]!.fusion['o1:k1+bm25']).toEqual({ method: 'rrf', chosenOn: 'nothing' });
});

test("the adapter's own rule is used where it has one", async () => {
  const auto = { signal: 'firstTokenEntropy', threshold: 1e9, thinkWhen: 'above' } as const;
  const thinking = { think: 'auto', thoughts: 1, temperature: 0, topP: 1, auto } as const;
  const withRule = await tinyEmbedder({ settings: { thinking } });
  const evaluation = await evaluate({ ...common, systems: ['o1:never', 'o1:auto'], o1: withRule, cache });
  const [slice] = evaluation.sets[0]!.slices;
  expect(evaluation.o1!.auto).toEqual({ rule: auto, source: "the adapter's own" });
  expect(slice!.equalCost!.thinkingShare).toBe(0);
  expect(slice!.rows[1]!.values['nDCG@10']).toEqual(slice!.rows[0]!.values['nDCG@10']);
  await withRule.close();
});

describe('an adapter with its own way to think', () => {
  const auto = { signal: 'topProbability', threshold: 2, thinkWhen: 'below' } as const;
  const thinking = { thoughts: 2, maxTokens: 6, temperature: 0.6, topP: 0.9, instantWeight: 0.3 };
  const adapterWith = (changes: object) =>
    tinyEmbedder({ settings: { thinking: { think: 'always', auto, ...thinking, ...changes } } });

  test('o1:always, auto and the expert answer as the embedder does where nobody says more', async () => {
    const adapter = await adapterWith({});
    const set = tinySet();
    const runs = new Map<string, Run>();
    const { sets, o1: summary } = await evaluate({
      ...{ ...common, systems: ['o1:never', 'o1:always', 'o1:auto', 'o1:expert'], o1: adapter, cache },
      onRun: async (_, system, run) => {
        runs.set(system, run);
      },
    });
    const documents = await adapter.embedDocuments(set.documents.map(({ title, text }) => `${title}\n${text}`));
    for (const { id, text } of set.test.queries) {
      const thought = set.test.expertThoughts!.get(id)!;
      const expected = {
        'o1:always': await adapter.embedQuery(text),
        'o1:auto': await adapter.embedQuery(text, { think: 'auto' }),
        'o1:expert': await adapter.embedQuery(text, { thought }),
      };
      for (const [system, { vector }] of Object.entries(expected)) {
        for (const { id: document, score } of runs.get(system)!.get(id)!) {
          expect(score, system).toBeCloseTo(dot(vector, documents[Number(document.slice(1))]!), 4);
        }
      }
    }
    const [slice] = sets[0]!.slices;
    expect(slice!.equalCost).toMatchObject({ thinkingShare: 1, always: slice!.rows[1]!.values['nDCG@10']!.mean });
    expect(sets[0]!.queries[0]!.thoughts['o1:always']).toHaveLength(2);
    expect(summary!.thinking).toEqual({ thoughts: 2, maxTokens: 6, temperature: 0.6, topP: 0.9 });
    await adapter.close();
  });

  test.each([{ maxTokens: 7 }, { thoughts: 3 }, { temperature: 0.5 }, { topP: 0.8 }])(
    'thoughts are written anew where it is changed to %o',
    async (changes) => {
      const own = await mkdtemp(join(cache, 'changed-'));
      const asked: number[] = [];
      for (const settings of [{}, { instantWeight: 0.9 }, changes]) {
        const adapter = await adapterWith(settings);
        const { calls, o1: counted } = counting(adapter);
        await evaluate({ ...common, systems: ['o1:always'], o1: counted, cache: own });
        asked.push(calls.queries);
        await adapter.close();
      }
      expect(asked).toEqual([14, 0, 14]);
    },
  );

  test('the estimate counts its thoughts, and no thoughts where none are asked for', () => {
    const settings = (changes: object) => ({
      ...o1.settings,
      thinking: { think: 'always' as const, ...thinking, ...changes },
    });
    const seconds = (systems: string[], changes: object = {}) =>
      estimateSeconds([tinySet()], systems, settings(changes));
    expect(seconds(['o1:auto'])).toBe(seconds(['o1:always']));
    expect(seconds(['o1:always'])).toBeGreaterThan(seconds(['o1:never']));
    expect(seconds(['o1:always'], { thoughts: 8 })).toBeGreaterThan(seconds(['o1:always']));
    expect(seconds(['o1:always'], { maxTokens: 12 })).toBeGreaterThan(seconds(['o1:always']));
  });
});

test('the instant vector alone: nothing is written', async () => {
  const { calls, o1: counted } = counting(o1);
  const thinks = new Set<unknown>();
  const embedQuery: typeof counted.embedQuery = (text, options = {}) => {
    thinks.add((options as { think?: string }).think);
    return counted.embedQuery(text, options);
  };
  await evaluate({
    ...{ ...common, systems: ['bm25', 'o1:never'], cache: await mkdtemp(join(cache, 'instant-')) },
    o1: { ...counted, embedQuery },
  });
  expect([calls.queries, [...thinks]]).toEqual([14, ['never']]);
});

test('an abort while systems are scored', async () => {
  const stop = new AbortController();
  const onProgress = ({ unit }: EvaluationProgress) => unit === 'systems' && stop.abort(new Error('stop scoring'));
  const systems = ['bm25', 'o1:never'];
  const running = evaluate({ ...common, systems, o1, cache, signal: stop.signal, onProgress });
  await expect(running).rejects.toThrow('stop scoring');
});

test('a system without its model, and an abort', async () => {
  await expect(evaluate({ ...common, systems: ['o1:k1'], cache })).rejects.toThrow('o1:k1 needs a model');
  await expect(evaluate({ ...common, systems: ['encoder:x'], o1, cache })).rejects.toThrow('encoder:x needs a model');
  await expect(evaluate({ ...common, systems: ['o1:k9'], o1, cache })).rejects.toThrow(
    /no such system: "o1:k9".*o1:k1\+bm25/,
  );
  const aborted = AbortSignal.abort(new Error('stop'));
  await expect(evaluate({ ...common, systems: ['o1:k1'], o1, cache, signal: aborted })).rejects.toThrow('stop');
});

/** Times of searches differ from run to run. */
function withoutTimes(evaluation: Evaluation): unknown {
  return JSON.parse(
    JSON.stringify(evaluation, (key, value) =>
      ['ms', 'meanMs', 'neverMs', 'alwaysMs', 'autoMs', 'coinMs', 'date', 'reused'].includes(key) ? undefined : value,
    ),
  );
}
