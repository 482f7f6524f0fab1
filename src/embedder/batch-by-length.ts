/** Indices in groups of like length, shortest first, whose padded size stays within a number of tokens. */
export function batchByLength(sequences: readonly (readonly number[])[], maxTokens: number): number[][] {
  const order = [...sequences.keys()].sort((a, b) => sequences[a]!.length - sequences[b]!.length || a - b);
  const groups: number[][] = [];
  for (const i of order) {
    const last = groups.at(-1);
    if (last && (last.length + 1) * sequences[i]!.length <= maxTokens) last.push(i);
    else groups.push([i]);
  }
  return groups;
}
