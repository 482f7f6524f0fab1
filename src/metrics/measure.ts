import { InvalidInputError } from '../errors.js';
import { averagePrecision } from './average-precision.js';
import { ndcg } from './ndcg.js';
import { precision } from './precision.js';
import type { RelevanceOptions } from './ranking.js';
import { recall } from './recall.js';
import { reciprocalRank } from './reciprocal-rank.js';
import { success } from './success.js';
import type { Qrels, Run } from './types.js';

/** A metric with its cut-off, by name. */
export interface Measure {
  /** As papers write it, e.g. `nDCG@10`. */
  readonly name: string;
  /** One value for every query of the judgements. */
  readonly perQuery: (run: Run, qrels: Qrels, options?: RelevanceOptions) => Map<string, number>;
}

type Metric = (run: Run, qrels: Qrels, k: number, options?: RelevanceOptions) => Map<string, number>;

const METRICS: Readonly<Record<string, { readonly name: string; readonly metric: Metric; readonly needsK?: boolean }>> =
  {
    ndcg: { name: 'nDCG', metric: ndcg },
    mrr: { name: 'MRR', metric: reciprocalRank },
    map: { name: 'MAP', metric: averagePrecision },
    recall: { name: 'Recall', metric: recall, needsK: true },
    p: { name: 'P', metric: precision, needsK: true },
    success: { name: 'Success', metric: success, needsK: true },
  };

/**
 * The measure of a name: `nDCG@10`, `MRR@10`, `MAP`, `Recall@1000`, `P@10`, `Success@5`, in any case. nDCG, MRR and MAP go
 * without a cut-off too.
 */
export function measureNamed(text: string): Measure {
  const [, name, cut] = /^([a-z]+)(?:@([1-9]\d*))?$/i.exec(text) ?? [];
  const entry = Object.hasOwn(METRICS, name?.toLowerCase() ?? '') ? METRICS[name!.toLowerCase()] : undefined;
  if (!entry || (entry.needsK && cut === undefined)) {
    throw new InvalidInputError(`no such measure: ${JSON.stringify(text)}.`, {
      hint: 'Use nDCG@k, MRR@k, MAP, Recall@k, P@k or Success@k, with a whole number as k.',
    });
  }
  const k = cut === undefined ? Number.POSITIVE_INFINITY : Number(cut);
  return {
    name: cut === undefined ? entry.name : `${entry.name}@${cut}`,
    perQuery: (run, qrels, options) => entry.metric(run, qrels, k, options),
  };
}
