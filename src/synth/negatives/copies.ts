import { documentText, type RetrievalSet } from '../../search/index.js';

/** Finds the other documents that say, word for word, what some of them say. */
export function copyFinder({ documents }: RetrievalSet): (positions: readonly number[]) => number[] {
  const byText = new Map<string, number[]>();
  const textOf = (position: number) => documentText(documents[position]!);
  for (const position of documents.keys()) {
    const same = byText.get(textOf(position));
    if (same) same.push(position);
    else byText.set(textOf(position), [position]);
  }
  return (positions) =>
    positions.flatMap((position) => byText.get(textOf(position))!.filter((other) => !positions.includes(other)));
}
