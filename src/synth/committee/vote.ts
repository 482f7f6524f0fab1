/** Pure functions of a committee's scores: one row a member, one column a candidate. */

/** Softmax over the candidates of each member, summed over the members. Equal weight for a member, whatever its scale. */
export function softVote(scores: readonly (readonly number[])[]): number[] {
  return sumOverMembers(scores, softmax);
}

/** How many members score the candidate highest; of equal scores the first candidate has the member's vote. */
export function hardVote(scores: readonly (readonly number[])[]): number[] {
  return sumOverMembers(scores, (row) => {
    const best = argMax(row);
    return row.map((_, candidate) => (candidate === best ? 1 : 0));
  });
}

/** Position of the largest value; of equal ones the first. */
export function argMax(values: readonly number[]): number {
  let best = 0;
  for (let i = 1; i < values.length; i++) if (values[i]! > values[best]!) best = i;
  return best;
}

/** Positions by value, largest first; equal ones in their order. */
export function descending(values: readonly number[]): number[] {
  return [...values.keys()].sort((a, b) => values[b]! - values[a]! || a - b);
}

function softmax(row: readonly number[]): number[] {
  // The largest exponent is 0: nothing overflows.
  const largest = Math.max(...row);
  const powers = row.map((value) => Math.exp(value - largest));
  const sum = powers.reduce((total, value) => total + value, 0);
  return powers.map((value) => value / sum);
}

function sumOverMembers(
  scores: readonly (readonly number[])[],
  shares: (row: readonly number[]) => readonly number[],
): number[] {
  const votes = new Array<number>(scores[0]?.length ?? 0).fill(0);
  for (const row of scores) for (const [i, share] of shares(row).entries()) votes[i]! += share;
  return votes;
}
