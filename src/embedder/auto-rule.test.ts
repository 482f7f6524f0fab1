import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { InvalidInputError } from '../errors.js';
import { TINY_SETTINGS, tinyEmbedder } from '../testing/index.js';
import { type AutoRule, decide, marginOf } from './auto-rule.js';
import { type AutoSample, chooseAutoRule } from './choose-auto-rule.js';
import type { O1Embedder, O1Settings, QueryEmbedding, QueryOptions } from './index.js';
import { settingsSchema } from './settings.js';

const entropy = (threshold: number, thinkWhen: AutoRule['thinkWhen']): AutoRule => ({
  signal: 'firstTokenEntropy',
  threshold,
  thinkWhen,
});

test('a rule thinks on its side of the threshold', () => {
  const signals = { firstTokenEntropy: 2, topProbability: 0.5, margin: 0.1 };
  expect(decide(entropy(1.5, 'above'), signals)).toBe('think');
  expect(decide(entropy(1.5, 'below'), signals)).toBe('instant');
  for (const thinkWhen of ['above', 'below'] as const) expect(decide(entropy(2, thinkWhen), signals)).toBe('instant');
  const margin: AutoRule = { signal: 'margin', threshold: 0.2, thinkWhen: 'below' };
  expect(decide(margin, signals)).toBe('think');
  expect(decide(margin, { ...signals, margin: undefined })).toBe('instant');
  expect([marginOf([0.75, 0.5, 0.1]), marginOf([0.75]), marginOf([])]).toEqual([0.25, undefined, undefined]);
});

describe('the choice of a rule', () => {
  const meanOf = (rule: AutoRule, samples: readonly AutoSample[]) =>
    samples.reduce((sum, sample) => {
      const { instantScore, thinkingScore, signals } = sample;
      return sum + (decide(rule, signals) === 'think' ? thinkingScore : instantScore);
    }, 0) / samples.length;
  const sample = (firstTokenEntropy: number, instantScore: number, thinkingScore: number): AutoSample => ({
    signals: { firstTokenEntropy, topProbability: 0.5 },
    instantScore,
    thinkingScore,
  });

  test('finds the signal that tells where thinking helps', () => {
    // Thinking helps where the margin is small; entropy and top probability say nothing of it.
    const samples = Array.from({ length: 60 }, (_, i): AutoSample => {
      const helps = (i * 7) % 3 === 0;
      const signals = {
        firstTokenEntropy: (i * 13) % 11,
        topProbability: ((i * 17) % 7) / 7,
        margin: helps ? 0.01 + i / 1e4 : 0.1 + i / 1e4,
      };
      return { signals, instantScore: helps ? 0.2 : 0.9, thinkingScore: helps ? 0.8 : 0.3 };
    });
    const rule = chooseAutoRule(samples);
    expect(rule).toMatchObject({ signal: 'margin', thinkWhen: 'below' });
    expect(rule.threshold).toBeGreaterThan(0.016);
    expect(rule.threshold).toBeLessThan(0.1);
    expect(meanOf(rule, samples)).toBeCloseTo((20 * 0.8 + 40 * 0.9) / 60, 10);
  });

  test('falls back to the better of never and always where no signal helps', () => {
    const noise = (gain: number) =>
      Array.from({ length: 40 }, (_, i) => sample((i * 13) % 40, 0.5, 0.5 + gain + (((i * 29) % 40) - 20) / 1000));
    const always = chooseAutoRule(noise(0.2));
    const never = chooseAutoRule(noise(-0.2));
    for (const { signals } of noise(0)) {
      expect(decide(always, signals)).toBe('think');
      expect(decide(never, signals)).toBe('instant');
    }
  });

  test('a margin that some queries lack is not used', () => {
    const samples = Array.from({ length: 20 }, (_, i): AutoSample => {
      const helps = i % 2 === 0;
      const signals = { firstTokenEntropy: 1, topProbability: 0.5, margin: i === 7 ? undefined : helps ? 0 : 1 };
      return { signals, instantScore: 0.5, thinkingScore: helps ? 1 : 0.1 };
    });
    expect(chooseAutoRule(samples).signal).not.toBe('margin');
  });

  test('is never worse than never and always on its own split, and can be stored', () => {
    const score = fc.double({ min: 0, max: 1, noNaN: true });
    const anySample = fc.record({
      signals: fc.record({
        firstTokenEntropy: fc.double({ min: 0, max: 12, noNaN: true }),
        topProbability: score,
        margin: score,
      }),
      instantScore: score,
      thinkingScore: score,
    });
    fc.assert(
      fc.property(fc.array(anySample, { minLength: 1, maxLength: 25 }), (samples) => {
        const rule = chooseAutoRule(samples);
        const never = samples.reduce((sum, { instantScore }) => sum + instantScore, 0) / samples.length;
        const always = samples.reduce((sum, { thinkingScore }) => sum + thinkingScore, 0) / samples.length;
        expect(meanOf(rule, samples)).toBeGreaterThanOrEqual(Math.max(never, always) - 1e-12);
        const settings = { ...TINY_SETTINGS, thinking: { ...TINY_SETTINGS.thinking, think: 'auto', auto: rule } };
        const stored = settingsSchema.parse(JSON.parse(JSON.stringify(settings)));
        for (const { signals } of samples) expect(decide(stored.thinking.auto!, signals)).toBe(decide(rule, signals));
      }),
      { numRuns: 200 },
    );
  });

  test('of no queries is refused', () => {
    expect(() => chooseAutoRule([])).toThrow(InvalidInputError);
  });
});

describe('auto', () => {
  const open: O1Embedder[] = [];
  const withThinking = async (thinking: Partial<O1Settings['thinking']>) => {
    const embedder = await tinyEmbedder({ settings: { thinking: { ...TINY_SETTINGS.thinking, ...thinking } } });
    open.push(embedder);
    return embedder;
  };
  const result = ({ timings: _, decision, ...rest }: QueryEmbedding) => rest;
  let plain: O1Embedder;
  let byEntropy: O1Embedder;
  let byMargin: O1Embedder;
  const texts = ['a', 'open a file', 'watch', 'how do I read a stream line by line?', ''];
  let entropies: number[];
  beforeAll(async () => {
    plain = await withThinking({});
    entropies = (await plain.embedQueries(texts)).map(({ signals }) => signals!.firstTokenEntropy);
    const middle = [...entropies].sort((a, b) => a - b)[2]!;
    byEntropy = await withThinking({ think: 'auto', auto: entropy(middle, 'above') });
    byMargin = await withThinking({ auto: { signal: 'margin', threshold: 0.1, thinkWhen: 'below' } });
  });
  afterAll(() => Promise.all(open.map((embedder) => embedder.close())));

  test('gives what never or always gives, and says which', async () => {
    const embeddings = await byEntropy.embedQueries(texts);
    expect(embeddings.map(({ decision }) => decision).sort()).toEqual([
      'instant',
      'instant',
      'instant',
      'think',
      'think',
    ]);
    for (const [i, embedding] of embeddings.entries()) {
      const always = await plain.embedQuery(texts[i]!, { think: 'always' });
      expect(always.decision).toBeUndefined();
      if (embedding.decision === 'think') expect(result(embedding)).toEqual(result(always));
      else {
        const { signals: _, ...instant } = result(embedding);
        const { signals, ...never } = result(await plain.embedQuery(texts[i]!, { think: 'never' }));
        expect(instant).toEqual(never);
        expect(signals).toBeUndefined();
      }
      expect(embedding.signals).toEqual(always.signals);
      expect(embedding.deadlineReached).toBe(false);
    }
  });

  test('by the margin of a search with the instant vector', async () => {
    const asked: Float32Array[] = [];
    const ask = (scores: readonly number[]) => {
      const instantScores = async (instant: Float32Array) => {
        asked.push(instant);
        return scores;
      };
      return byMargin.embedQuery('open', { think: 'auto', instantScores });
    };
    const close = await ask([0.75, 0.7]);
    expect(close).toMatchObject({ decision: 'think', basis: 'thoughts' });
    expect(close.signals!.margin).toBeCloseTo(0.05, 10);
    expect(asked).toEqual([close.instant]);
    expect(await ask([0.75, 0.25])).toMatchObject({ decision: 'instant', basis: 'instant', signals: { margin: 0.5 } });
    expect(await ask([0.75])).toMatchObject({ decision: 'instant' });
  });

  test('a search that fails is the caller’s to know, and leaves the embedder as it was', async () => {
    const instantScores = () => Promise.reject(new Error('no index'));
    await expect(byMargin.embedQuery('open', { think: 'auto', instantScores })).rejects.toThrow('no index');
    expect((await byMargin.embedQuery('open')).basis).toBe('thoughts');
  });

  test('in a batch others go on while the search is made; then it thinks, or not, as it would alone', async () => {
    const auto = (id: string) =>
      ({ id, text: `open ${id}`, options: { think: 'auto', instantScores: () => [] } }) as const;
    const batch = byMargin.thinkingBatch();
    const admitted = await batch.admit([auto('thinks'), { id: 'other', text: 'b' }, auto('instant'), auto('late')]);
    expect(admitted.filter(({ event }) => event.type === 'instant')).toHaveLength(4);
    expect([batch.undecided, batch.rows]).toEqual([['thinks', 'instant', 'late'], 1]);
    const events = [...(await batch.step())];
    expect(events.every(({ id }) => id === 'other')).toBe(true);
    const [decided] = await batch.decide('instant', [0.75, 0.25]);
    expect(decided).toMatchObject({ id: 'instant', event: { type: 'final', decision: 'instant', basis: 'instant' } });
    expect(batch.finish('late').event).toMatchObject({ basis: 'instant', deadlineReached: true });
    events.push(...(await batch.decide('thinks', [0.75, 0.7])));
    expect([batch.undecided, batch.rows]).toEqual([[], 2]);
    while (batch.rows > 0) events.push(...(await batch.step()));
    const final = events.find(({ id, event }) => id === 'thinks' && event.type === 'final')!.event;
    const options: QueryOptions = { think: 'auto', instantScores: () => [0.75, 0.7] };
    const { vector, thoughts, signals } = await byMargin.embedQuery('open thinks', options);
    expect(final).toMatchObject({ decision: 'think', vector, thoughts, signals });
    await expect(batch.decide('thinks', [])).rejects.toThrow('it does not wait for scores');
    await batch.admit([auto('gone')]);
    batch.cancel('gone');
    expect([batch.queries, batch.undecided]).toEqual([[], []]);
  });

  test('a given thought is read; there is nothing to decide', async () => {
    const options: QueryOptions = { think: 'auto', thought: 'fs.open' };
    expect(await plain.embedQuery('open', options)).toMatchObject({ basis: 'thoughts', decision: undefined });
  });

  test('without a rule, or without the search that the rule needs, says what to do', async () => {
    const noRule = plain.embedQuery('open', { think: 'auto' });
    await expect(noRule).rejects.toThrow(InvalidInputError);
    await expect(noRule).rejects.toThrow(/needs a rule, and the adapter has none.* 'never' or 'always'/s);
    const noSearch = byMargin.embedQueries(['open'], { think: 'auto' });
    await expect(noSearch).rejects.toThrow(InvalidInputError);
    await expect(noSearch).rejects.toThrow(/there is no search.* Give instantScores/s);
  });

  test('an o1.json with auto and no rule is refused', () => {
    const settings = { ...TINY_SETTINGS, thinking: { ...TINY_SETTINGS.thinking, think: 'auto' } };
    expect(settingsSchema.safeParse(settings).error?.issues[0]).toMatchObject({ path: ['thinking', 'auto'] });
  });
});
