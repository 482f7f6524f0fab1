import { InvalidInputError } from '../errors.js';

/** What is known of a next token's distribution at temperature 1. */
export interface TokenDistribution {
  /** Logarithm of the sum of the exponentials of the logits: a token's log probability is its logit minus this. */
  readonly logNormaliser: number;
  /** Shannon entropy in nats: 0 where one token is certain. */
  readonly entropy: number;
  /** Probability of the likeliest token. */
  readonly topProbability: number;
}

/** A token this far below the likeliest has no share: a vocabulary of such tokens sums to less than fp32 can tell. */
const NEGLIGIBLE = 30;

/**
 * The softmax of logits in three figures, in one pass and without a vector of probabilities.
 *
 * @param logits `[vocabulary]`; not changed.
 * @param banned ids that have no share.
 */
export function tokenDistribution(logits: Float32Array, banned: ReadonlySet<number>): TokenDistribution {
  let highest = Number.NEGATIVE_INFINITY;
  for (let id = 0; id < logits.length; id++) {
    if (logits[id]! > highest && !banned.has(id)) highest = logits[id]!;
  }
  if (highest === Number.NEGATIVE_INFINITY) throw new InvalidInputError('every token is banned');
  // Relative to the highest: sum of exp(d), and of d exp(d).
  let [sum, weighted] = [0, 0];
  for (let id = 0; id < logits.length; id++) {
    const difference = logits[id]! - highest;
    if (difference < -NEGLIGIBLE || banned.has(id)) continue;
    const share = Math.exp(difference);
    sum += share;
    weighted += difference * share;
  }
  return {
    logNormaliser: highest + Math.log(sum),
    entropy: Math.log(sum) - weighted / sum,
    topProbability: 1 / sum,
  };
}
