import { mean, ndcg } from '../../metrics/index.js';
import type { QueryRecord } from '../embed-queries.js';
import { type GatheredSet, judgedOf, type SplitName } from '../gather.js';
import { topOf } from '../ranking/document-matrix.js';
import type { TrustPoint } from '../result.js';
import type { PassSystem } from './thinking-passes.js';

const WEIGHTS = Array.from({ length: 11 }, (_, i) => i / 10);
const CUTOFF = 10;

/** nDCG@10 for each share of the instant vector in the final one, from the vectors that are there. */
export function trustSweep({ set, splits, o1 }: GatheredSet): TrustPoint[] {
  const points: TrustPoint[] = [];
  for (const system of ['o1:k1', 'o1:k3', 'o1:always', 'o1:expert'] as const) {
    for (const split of splits) {
      const records = o1?.passes.get(system)?.[split];
      if (o1 && records) points.push(...sweep({ set, o1 }, system, split, records));
    }
  }
  return points;
}

function sweep(
  { set, o1 }: { readonly set: GatheredSet['set']; readonly o1: NonNullable<GatheredSet['o1']> },
  system: PassSystem,
  split: SplitName,
  records: readonly QueryRecord[],
): TrustPoint[] {
  const { queries, qrels } = judgedOf(set, split);
  const runs = WEIGHTS.map(() => new Map<string, ReturnType<typeof topOf>>());
  for (const [i, { instant, thoughts }] of records.entries()) {
    // Inner products are linear: those of the mixed vector are mixed scores, up to its length, which orders nothing.
    const instantScores = o1.matrix.scores(instant);
    const thoughtScores = thoughts.map(({ vector }) => o1.matrix.scores(vector));
    for (const [w, weight] of WEIGHTS.entries()) {
      const share = thoughts.length === 0 ? 0 : (1 - weight) / thoughts.length;
      const mixed = instantScores.map((score, document) => {
        let sum = (share === 0 ? 1 : weight) * score;
        for (const scores of thoughtScores) sum += share * scores[document]!;
        return sum;
      });
      runs[w]!.set(queries[i]!.id, topOf(o1.matrix.ids, mixed, CUTOFF));
    }
  }
  return WEIGHTS.map((instantWeight, w) => ({
    system,
    split,
    instantWeight,
    value: mean(ndcg(runs[w]!, qrels, CUTOFF)),
  }));
}
