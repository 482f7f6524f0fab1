/**
 * The merge list of a SentencePiece BPE vocabulary, which keeps scores instead: two pieces merge when their union is a piece,
 * the best score first. Same order as `generate_merges` of transformers' convert_slow_tokenizer.py.
 */
export function mergesFromScores(
  tokens: readonly string[],
  ids: ReadonlyMap<string, number>,
  scores: readonly number[],
  isNormal: (id: number) => boolean,
): [string, string][] {
  const isPiece = (piece: string) => {
    const id = ids.get(piece);
    return id !== undefined && isNormal(id);
  };
  const ranked = tokens.flatMap((token, id) => {
    if (!isNormal(id)) return [];
    const pairs = splits(token).filter(([left, right]) => isPiece(left) && isPiece(right));
    pairs.sort((a, b) => ids.get(a[0])! - ids.get(b[0])! || ids.get(a[1])! - ids.get(b[1])!);
    return pairs.map((pair) => ({ pair, score: scores[id]!, lengths: pair.map((piece) => [...piece].length) }));
  });
  ranked.sort((a, b) => b.score - a.score || b.lengths[0]! - a.lengths[0]! || b.lengths[1]! - a.lengths[1]!);
  return ranked.map(({ pair }) => pair);
}

/** Every way to cut a token in two between code points. */
function splits(token: string): [string, string][] {
  const points = [...token];
  return points.slice(1).map((_, i) => [points.slice(0, i + 1).join(''), points.slice(i + 1).join('')]);
}
