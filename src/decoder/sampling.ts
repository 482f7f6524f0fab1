import { InvalidInputError } from '../errors.js';

/** How the next token is drawn from its logits. */
export interface SamplingSettings {
  /** 0 takes the likeliest token. Default 0. */
  readonly temperature?: number | undefined;
  /** Draw from the fewest tokens whose probabilities sum to at least this. Default 1: from all. */
  readonly topP?: number | undefined;
  /** Draw from this many likeliest tokens. Default: from all. */
  readonly topK?: number | undefined;
}

export function checkSampling({ temperature = 0, topP = 1, topK }: SamplingSettings): void {
  if (!(temperature >= 0 && temperature < Number.POSITIVE_INFINITY)) {
    throw new InvalidInputError(`temperature must be a number from 0 up, got ${temperature}`);
  }
  if (!(topP > 0 && topP <= 1)) throw new InvalidInputError(`topP must be above 0 and at most 1, got ${topP}`);
  if (topK !== undefined && !(Number.isInteger(topK) && topK >= 1)) {
    throw new InvalidInputError(`topK must be a whole number from 1 up, got ${topK}`);
  }
}

/** A token this far below the likeliest, in units of temperature, has no share that fp32 could tell from none. */
const NEGLIGIBLE = 25;

/**
 * Draws a token.
 *
 * @param logits `[vocabulary]`; not changed.
 * @param random in [0, 1); not used at temperature 0.
 * @param banned ids that are never drawn.
 */
export function sampleToken(
  logits: Float32Array,
  settings: SamplingSettings,
  random: number,
  banned: ReadonlySet<number>,
): number {
  const { temperature = 0, topP = 1, topK = logits.length } = settings;
  let best = -1;
  for (let id = 0; id < logits.length; id++) {
    if ((best < 0 || logits[id]! > logits[best]!) && !banned.has(id)) best = id;
  }
  if (best < 0) throw new InvalidInputError('every token is banned');
  if (temperature === 0) return best;

  const floor = logits[best]! - NEGLIGIBLE * temperature;
  const candidates: { id: number; weight: number }[] = [];
  for (let id = 0; id < logits.length; id++) {
    if (logits[id]! < floor || banned.has(id)) continue;
    candidates.push({ id, weight: Math.exp((logits[id]! - logits[best]!) / temperature) });
  }
  // Order matters only where the tail is cut off; sorting a flat distribution takes tens of milliseconds.
  if (topP < 1 || topK < candidates.length) {
    candidates.sort((a, b) => b.weight - a.weight || a.id - b.id);
    candidates.splice(topK);
  }
  const sum = candidates.reduce((total, { weight }) => total + weight, 0);
  let kept = 0;
  let nucleus = 0;
  while (kept < candidates.length && nucleus < topP * sum) nucleus += candidates[kept++]!.weight;
  let rest = random * nucleus;
  for (let i = 0; i < kept; i++) {
    rest -= candidates[i]!.weight;
    if (rest < 0) return candidates[i]!.id;
  }
  return candidates[kept - 1]!.id;
}
