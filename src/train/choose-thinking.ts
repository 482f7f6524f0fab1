import {
  type AutoRule,
  chooseAutoRule,
  dot,
  finalVector,
  marginOf,
  type O1Embedder,
  type O1Settings,
  type QueryEmbedding,
} from '../embedder/index.js';
import { mean, ndcg, type ScoredDocument } from '../metrics/index.js';
import type { Recipe } from './config.js';
import type { TrainingDocument, ValidationData } from './training-data.js';

export type ThinkingChoice = O1Settings['thinking'];

/** How good one way to embed queries is on the development split. */
export interface ThinkingFigure {
  /** 0 is the instant vector. */
  readonly thoughts: number;
  readonly temperature: number;
  /** At most this many tokens a thought; absent: as many as the length policy allows. */
  readonly maxTokens?: number | undefined;
  /** The best share of the instant vector in the final one, of those that were tried. */
  readonly instantWeight: number;
  readonly ndcg10: number;
}

/** Shares of the instant vector that are tried: all vectors are there already, so each costs a search only. */
const INSTANT_WEIGHTS = [0, 0.25, 0.5, 0.75];

interface Way {
  readonly figure: ThinkingFigure;
  readonly embeddings: readonly QueryEmbedding[];
  /** nDCG@10 by query id. */
  readonly scores: ReadonlyMap<string, number>;
}

/**
 * Measures the instant vectors and each way to think that the recipe names, with the saved adapter as it is used (int8).
 *
 * The best way to think becomes the adapter's, whether it thinks or not where nobody says: it does only where that is better
 * than not thinking. With it goes the rule of `auto`, chosen on the same queries.
 */
export async function chooseThinking(
  embedder: O1Embedder,
  { queries, qrels }: ValidationData,
  documents: readonly TrainingDocument[],
  ways: NonNullable<Recipe['validation']>['thinking'],
  signal?: AbortSignal,
): Promise<{ readonly choice: ThinkingChoice; readonly figures: readonly ThinkingFigure[] }> {
  const vectors = await embedder.embedDocuments(
    documents.map(({ text }) => text),
    { signal },
  );
  const texts = queries.map(({ text }) => text);
  const search = (vector: Float32Array): ScoredDocument[] =>
    documents.map(({ id }, i) => ({ id, score: dot(vector, vectors[i]!) }));
  const measure = (queryVectors: readonly Float32Array[]) =>
    ndcg(new Map(queries.map(({ id }, i) => [id, search(queryVectors[i]!)])), qrels, 10);

  const instant = await embedder.embedQueries(texts, { think: 'never', signal });
  const instantScores = measure(instant.map(({ vector }) => vector));
  const tried: Way[] = [];
  for (const way of ways) {
    const embeddings = await embedder.embedQueries(texts, { ...way, topP: 1, think: 'always', signal });
    const weighted = INSTANT_WEIGHTS.map((instantWeight): Way => {
      const scores = measure(embeddings.map((embedding) => finalVectorOf(embedding, instantWeight)));
      return { figure: { ...way, instantWeight, ndcg10: mean(scores) }, embeddings, scores };
    });
    tried.push(weighted.reduce(better));
  }
  const never: ThinkingFigure = { thoughts: 0, temperature: 0, instantWeight: 0, ndcg10: mean(instantScores) };
  const figures = [never, ...tried.map(({ figure }) => figure)];
  if (tried.length === 0) return { choice: { think: 'never', thoughts: 1, temperature: 0, topP: 1 }, figures };

  const best = tried.reduce(better);
  const { ndcg10, ...way } = best.figure;
  const think = ndcg10 > never.ndcg10 ? 'always' : 'never';
  const auto = autoRule(queries, best, instantScores, search);
  return { choice: { think, ...way, topP: 1, auto }, figures };
}

/** The first of equal ones: the one that trusts its thoughts more, and was named first. */
const better = (a: Way, b: Way): Way => (b.figure.ndcg10 > a.figure.ndcg10 ? b : a);

const finalVectorOf = ({ instant, thoughts }: QueryEmbedding, instantWeight: number) =>
  finalVector(
    instant,
    thoughts.map(({ vector }) => vector),
    instantWeight,
  );

function autoRule(
  queries: ValidationData['queries'],
  { embeddings, scores }: Way,
  instantScores: ReadonlyMap<string, number>,
  search: (vector: Float32Array) => ScoredDocument[],
): AutoRule {
  const samples = queries.flatMap(({ id }, i) => {
    // A query without judgements says nothing.
    const [instantScore, thinkingScore] = [instantScores.get(id), scores.get(id)];
    if (instantScore === undefined || thinkingScore === undefined) return [];
    const { instant, signals } = embeddings[i]!;
    const found = search(instant).map(({ score }) => score);
    const margin = marginOf(found.sort((a, b) => b - a));
    return [{ signals: { ...signals!, margin }, instantScore, thinkingScore }];
  });
  return chooseAutoRule(samples);
}
