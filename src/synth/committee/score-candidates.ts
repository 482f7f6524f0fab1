import { Bm25 } from '../../search/index.js';
import { mean } from './mean.js';
import type { DenseRetriever } from './member.js';

/** A query's candidates, and what they should lead to. */
export interface ScoredCase {
  readonly id: string;
  readonly thoughts: readonly string[];
  /** Texts of the positive documents, at least one. */
  readonly positives: readonly string[];
}

/** Four decimals of a hundredth of a cosine: finer is the arithmetic's own noise. */
const rounded = (score: number) => Math.round(score * 1e4) / 1e4;

/** BM25 scores of a query's candidates: they are the corpus, a positive is the query; the mean over the positives. */
export function sparseScores({ thoughts, positives }: ScoredCase): number[] {
  const index = new Bm25(thoughts.map((text, i) => ({ id: String(i), text })));
  const found = positives.map(
    (positive) => new Map(index.search(positive, thoughts.length).map(({ id, score }) => [id, score])),
  );
  return thoughts.map((_, i) => rounded(mean(found.map((scores) => scores.get(String(i)) ?? 0))));
}

/** 100 times the cosine of each candidate, alone, with a positive document; the mean over the positives. */
export async function denseScores(
  cases: readonly ScoredCase[],
  retriever: DenseRetriever,
  signal: AbortSignal | undefined,
): Promise<number[][]> {
  const texts = [...new Set(cases.flatMap(({ thoughts, positives }) => [...thoughts, ...positives]))];
  const vectors = await retriever.embed(texts, { signal });
  const vectorOf = new Map(texts.map((text, i): [string, Float32Array] => [text, vectors[i]!]));
  return cases.map(({ thoughts, positives }) =>
    thoughts.map((thought) =>
      rounded(100 * mean(positives.map((positive) => inner(vectorOf.get(thought)!, vectorOf.get(positive)!)))),
    ),
  );
}

function inner(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}
