/**
 * Positions of sequences in batches of like length, shortest first, each of at most `maxTokens` tokens with its padding (a longer
 * sequence makes a batch of its own). It follows from the lengths alone.
 */
export function batchByLength(lengths: readonly number[], maxTokens: number): number[][] {
  const order = [...lengths.keys()].sort((a, b) => lengths[a]! - lengths[b]! || a - b);
  const batches: number[][] = [];
  for (const position of order) {
    const last = batches.at(-1);
    if (last && (last.length + 1) * lengths[position]! <= maxTokens) last.push(position);
    else batches.push([position]);
  }
  return batches;
}
