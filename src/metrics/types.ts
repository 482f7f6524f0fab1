/** A document found for a query, with its score (higher is better; the scale is the retriever's own). */
export interface ScoredDocument {
  readonly id: string;
  readonly score: number;
}

/** What a retriever returned: query id to documents, in any order (the metrics sort by score themselves). */
export type Run = ReadonlyMap<string, readonly ScoredDocument[]>;

/** Relevance judgements: query id to document id to grade. A grade of 1 or more is relevant; 0 and less is not. */
export type Qrels = ReadonlyMap<string, ReadonlyMap<string, number>>;
