import type { Evaluation, QueryResult, SystemRow } from '../../src/eval/index.js';

const SYSTEMS = { bm25: 0.4, 'o1:never': 0.5, 'o1:k1': 0.55, 'o1:k3': 0.52, 'o1:always': 0.57, 'o1:auto': 0.56 };
const MS = { bm25: 2, 'o1:never': 30, 'o1:k1': 300, 'o1:k3': 480, 'o1:always': 320, 'o1:auto': 150 };

/** An evaluation with made-up figures in which thoughts gain and lose. */
export function sampleEvaluation(): Evaluation {
  const rows: SystemRow[] = Object.entries(SYSTEMS).map(([system, mean]) => ({
    system,
    values: { 'nDCG@10': { mean, low: mean - 0.05, high: mean + 0.05 } },
    meanMs: MS[system as keyof typeof MS],
    ...(system.startsWith('o1:k') ? { meanThoughtTokens: 20 } : {}),
  }));
  const thought = (text: string) => [{ text, tokens: 5 + text.length, finishReason: 'stop', logProbability: -1 }];
  const queries: QueryResult[] = Array.from({ length: 40 }, (_, i) => {
    const gain = (20 - i) / 40;
    return {
      ...{ id: `q${i}`, text: `query <${i}> & more`, winners: ['o1:k1'], lead: 0.1, ms: MS },
      scores: { bm25: 0.4, 'o1:never': 0.5, 'o1:k1': 0.5 + gain, 'o1:k3': 0.5 + gain / 2, 'o1:auto': 0.5 },
      thoughts: { 'o1:k1': thought(`</script> thought ${'x'.repeat(i)}`), 'o1:k3': thought(`three ${i}`) },
    };
  });
  const difference = { difference: 0.05, low: -0.01, high: 0.11, p: 0.04 };
  return {
    ...{
      version: 1,
      date: '2026-01-02T03:04:05.000Z',
      machine: 'a test',
      measures: ['nDCG@10'],
      repetitions: 10,
      seed: 0,
      encoders: [],
      reused: 0,
    },
    sets: [
      {
        ...{ name: 'sample', origin: 'made up', split: 'test', documents: 100, remarks: ['A remark.'] },
        ...{
          indexSeconds: { o1: 12 },
          fusion: { 'o1:k1+bm25': { method: 'weighted', weight: 0.7, chosenOn: '100 dev queries' } },
          queries,
        },
        slices: [
          {
            ...{ name: 'all', queries: queries.length, rows },
            differences: [{ system: 'o1:k1', against: 'o1:never', ...difference }],
            equalCost: {
              ...{ thinkingShare: 0.4, never: 0.5, always: 0.55, auto: 0.56, coin: 0.52 },
              ...{ neverMs: 30, alwaysMs: 300, autoMs: 150, coinMs: 165, ...difference, difference: 0.04 },
            },
          },
        ],
        trust: [0, 0.5, 1].map((instantWeight) => ({
          ...{ system: 'o1:k1', split: 'test' as const, instantWeight, value: 0.55 - 0.05 * instantWeight },
        })),
      },
    ],
    skipped: [{ what: 'sample: o1:expert', why: 'no thoughts of an expert were recorded for this set' }],
  };
}
