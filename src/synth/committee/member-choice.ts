import type { RefinedRecord } from './refine-candidates.js';

/** Place in a record of the candidate that a member scores highest; of equal ones the first that was written. */
export function memberChoice(
  { candidates, scores }: Pick<RefinedRecord, 'candidates' | 'scores'>,
  member: string,
): number {
  const own = scores[member] ?? [];
  let best = 0;
  for (const [place, score] of own.entries()) {
    if (score > own[best]! || (score === own[best]! && candidates[place]! < candidates[best]!)) best = place;
  }
  return best;
}
