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
 * exp(-x) at each 1/64. Between them two terms of its series do, to 7 digits, and six times as fast as `Math.exp` over a
 * vocabulary: this runs for each token that is written.
 */
const STEPS = 64;
const EXPONENTIALS = Float64Array.from({ length: NEGLIGIBLE * STEPS + 1 }, (_, i) => Math.exp(-i / STEPS));

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
  // With x the distance to the highest: sum of exp(-x), and of x exp(-x).
  let sum = 0;
  let weighted = 0;
  let from = 0;
  for (const stop of [...[...banned].sort((a, b) => a - b), logits.length]) {
    const end = Math.min(stop, logits.length);
    for (let id = from; id < end; id++) {
      const x = highest - logits[id]!;
      if (!(x <= NEGLIGIBLE)) continue;
      const step = Math.floor(x * STEPS);
      const rest = x - step / STEPS;
      const share = EXPONENTIALS[step]! * (1 - rest + (rest * rest) / 2);
      sum += share;
      weighted += x * share;
    }
    from = stop + 1;
  }
  return {
    logNormaliser: highest + Math.log(sum),
    entropy: Math.log(sum) + weighted / sum,
    topProbability: 1 / sum,
  };
}
