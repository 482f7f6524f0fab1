import { type AutoRule, type AutoSample, chooseAutoRule } from '../../embedder/index.js';
import { ndcg } from '../../metrics/index.js';
import type { GatheredSet } from '../gather.js';
import { instantRun, type SystemRun, signalsOf, thinkingRun } from './system-run.js';

/**
 * A rule for `auto` where the adapter has none, chosen on the development queries of all sets together: an adapter has one rule,
 * whatever it is asked about.
 *
 * @returns `undefined` where no set has a development split.
 */
export function chooseAuto(
  sets: readonly GatheredSet[],
  instantWeight: number,
): { readonly rule: AutoRule; readonly source: string } | undefined {
  const [samples, names]: [AutoSample[], string[]] = [[], []];
  for (const { set, o1 } of sets) {
    const records = o1?.passes.get('o1:always')?.dev;
    if (!o1 || !records || !set.dev) continue;
    names.push(set.name);
    const instant = instantRun(o1.matrix, records);
    const [instantScores, thinkingScores] = [instant, thinkingRun(o1.matrix, records, instantWeight)].map(
      ({ rankings }: SystemRun) => {
        const run = new Map(set.dev!.queries.map(({ id }, i) => [id, rankings[i]!]));
        return ndcg(run, set.dev!.qrels, 10);
      },
    );
    for (const [i, signals] of signalsOf(records, instant).entries()) {
      const { id } = set.dev.queries[i]!;
      samples.push({ signals, instantScore: instantScores!.get(id)!, thinkingScore: thinkingScores!.get(id)! });
    }
  }
  if (samples.length === 0) return undefined;
  return {
    rule: chooseAutoRule(samples),
    source: `chosen in this evaluation on the dev queries of ${names.join(' and ')}`,
  };
}
