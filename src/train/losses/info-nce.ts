import { InvalidInputError } from '../../errors.js';
import { logSumExp, type Matrix, similarities, similaritiesGradient, type Vectors } from './similarity.js';

/** The paper's. */
export const DEFAULT_TEMPERATURE = 0.02;

export interface InfoNceOptions {
  /** For each query, the place of its positive document. */
  readonly positives: readonly number[];
  /**
   * Whether a document other than its positive is left out of a query's comparison, because it answers the query too.
   * Default: none.
   */
  readonly excluded?: (query: number, document: number) => boolean;
  /** Similarities are divided by it. Default 0.02, as in the paper. */
  readonly temperature?: number;
}

export interface ContrastiveLoss {
  /** Mean over queries. */
  readonly loss: number;
  /** Gradient of the loss with respect to each query vector. */
  readonly queries: readonly Float32Array[];
  /** With respect to each document vector. */
  readonly documents: readonly Float32Array[];
}

/**
 * InfoNCE (van den Oord et al. 2018): each query is to find its positive among all documents of the batch: positives, hard
 * negatives and other queries' documents.
 *
 * Takes normalised vectors, `[dimensions]` each.
 */
export function infoNce(queries: Vectors, documents: Vectors, options: InfoNceOptions): ContrastiveLoss {
  const { positives, excluded = () => false, temperature = DEFAULT_TEMPERATURE } = options;
  if (positives.length !== queries.length) {
    throw new InvalidInputError(`InfoNCE: ${queries.length} queries have ${positives.length} positives`);
  }
  const scores = similarities(queries, documents);
  const gradient: Matrix = { ...scores, data: new Float64Array(scores.data.length) };
  let loss = 0;
  queries.forEach((_, i) => {
    const positive = positives[i]!;
    if (documents[positive] === undefined) {
      throw new InvalidInputError(`InfoNCE: query ${i} has positive ${positive} of ${documents.length} documents`);
    }
    const row = documents.map((_, j) =>
      j !== positive && excluded(i, j)
        ? Number.NEGATIVE_INFINITY
        : scores.data[i * documents.length + j]! / temperature,
    );
    const total = logSumExp(row);
    loss += (total - row[positive]!) / queries.length;
    row.forEach((score, j) => {
      const share = Math.exp(score - total) - (j === positive ? 1 : 0);
      gradient.data[i * documents.length + j] = share / temperature / queries.length;
    });
  });
  const { a, b } = similaritiesGradient(queries, documents, gradient);
  return { loss, queries: a, documents: b };
}
