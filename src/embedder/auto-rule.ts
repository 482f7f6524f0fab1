import { z } from 'zod';

/** What is known of a query before it is thought about. */
export interface QuerySignals {
  /** Entropy in nats of the thought's first token at temperature 1, marks left out: how open the model is. */
  readonly firstTokenEntropy: number;
  /** Probability of the likeliest first token, likewise. */
  readonly topProbability: number;
  /** First score less second score of the search with the instant vector, where it was asked for. */
  readonly margin?: number | undefined;
}

/** Which queries to think about: those whose signal lies on one side of a threshold. */
export const autoRuleSchema = z.strictObject({
  signal: z.enum(['firstTokenEntropy', 'topProbability', 'margin']),
  threshold: z.number(),
  /** `above`: think where the signal is greater than the threshold. `below`: where it is less. */
  thinkWhen: z.enum(['above', 'below']),
});

export type AutoRule = z.infer<typeof autoRuleSchema>;
export type AutoDecision = 'think' | 'instant';

/**
 * What the rule says about a query. A rule of the margin gives `instant` where there is none: with fewer than two hits
 * there is no order that a thought could change.
 */
export function decide({ signal, threshold, thinkWhen }: AutoRule, signals: QuerySignals): AutoDecision {
  const value = signals[signal];
  if (value === undefined) return 'instant';
  return (thinkWhen === 'above' ? value > threshold : value < threshold) ? 'think' : 'instant';
}

/** First score less second; `undefined` where there are fewer than two. @param scores descending. */
export function marginOf([first, second]: readonly number[]): number | undefined {
  return first === undefined || second === undefined ? undefined : first - second;
}
