import { InvalidInputError } from '../errors.js';
import { type AutoRule, decide, type QuerySignals } from './auto-rule.js';

/** A query of a development split, embedded in both ways. */
export interface AutoSample {
  readonly signals: QuerySignals;
  /** The metric, higher is better, of the instant vector and of the final one. */
  readonly instantScore: number;
  readonly thinkingScore: number;
}

/** Entropy is never negative: these rules always say the same. */
const NEVER: AutoRule = { signal: 'firstTokenEntropy', threshold: -1, thinkWhen: 'below' };
const ALWAYS: AutoRule = { signal: 'firstTokenEntropy', threshold: -1, thinkWhen: 'above' };

/** Parts of the cross-validation: each rule is chosen on four fifths, enough of a split of a hundred queries. */
const FOLDS = 5;

/**
 * The rule with the best mean score on a development split: which signal, which threshold, which side of it.
 *
 * The best of many thresholds always looks good on the queries it was chosen on. So rules are chosen on parts of the split and
 * measured on the rest; where that does not beat the better of never and always, the rule is one that always gives
 * that one's answer. On the split itself the rule is never worse than either.
 *
 * @param samples at least one; the margin is considered where all have one.
 */
export function chooseAutoRule(samples: readonly AutoSample[]): AutoRule {
  if (samples.length === 0) throw new InvalidInputError('a rule is chosen on one query at least, got none');
  let heldOut = 0;
  for (let fold = 0; fold < FOLDS; fold++) {
    const rule = bestRule(samples.filter((_, i) => i % FOLDS !== fold));
    heldOut += gainOf(
      rule,
      samples.filter((_, i) => i % FOLDS === fold),
    );
  }
  const constant = gainOf(ALWAYS, samples) > 0 ? ALWAYS : NEVER;
  return heldOut > gainOf(constant, samples) ? bestRule(samples) : constant;
}

/** What the scores sum to with the rule, beyond those of the instant vectors. */
function gainOf(rule: AutoRule, samples: readonly AutoSample[]): number {
  const thoughtAbout = samples.filter(({ signals }) => decide(rule, signals) === 'think');
  return thoughtAbout.reduce((sum, { instantScore, thinkingScore }) => sum + thinkingScore - instantScore, 0);
}

/** The rule of the highest gain; of equal ones never, always, then the first that is found. */
function bestRule(samples: readonly AutoSample[]): AutoRule {
  const rules = [NEVER, ALWAYS];
  for (const signal of ['firstTokenEntropy', 'topProbability', 'margin'] as const) {
    const values = samples.map(({ signals }) => signals[signal]);
    if (values.includes(undefined)) continue;
    for (const threshold of thresholdsBetween(values as number[])) {
      rules.push({ signal, threshold, thinkWhen: 'above' }, { signal, threshold, thinkWhen: 'below' });
    }
  }
  let [best, highest] = [NEVER, 0];
  for (const rule of rules) {
    const gain = gainOf(rule, samples);
    if (gain > highest) [best, highest] = [rule, gain];
  }
  return best;
}

/** A number between each two neighbours among the values. */
function thresholdsBetween(values: readonly number[]): number[] {
  const sorted = [...new Set(values)].sort((a, b) => a - b);
  return sorted.slice(1).map((value, i) => sorted[i]! + (value - sorted[i]!) / 2);
}
