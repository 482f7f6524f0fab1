import type { TrainingSequence } from './batch-feeds.js';

/** `<query> q <emb>`, or with a thought `<query> q <emb> <thought> t </s> <emb>`. */
export interface QueryExample {
  readonly tokens: readonly number[];
  /** Index of the first `<emb>`. The last token of a query with a thought is the second one. */
  readonly instantAt: number;
  /** Whether the thought and its `</s>` are also to be written (behaviour cloning), not only read. */
  readonly cloned: boolean;
}

/** `<doc> d <emb>` */
export interface DocumentExample {
  readonly tokens: readonly number[];
}

/** How well the committee finds that documents answer a query. */
export interface CommitteeScores {
  /** Places in the batch's `documents`. */
  readonly candidates: readonly number[];
  /** One for each candidate, the higher the better. */
  readonly scores: readonly number[];
}

/** One step's queries and documents, as token ids. */
export interface JointBatch {
  readonly queries: readonly QueryExample[];
  /** Positives and hard negatives; each is an in-batch negative of the other queries. */
  readonly documents: readonly DocumentExample[];
  /** For each query, the place of its positive in `documents`. */
  readonly positives: readonly number[];
  /** Whether a document also answers a query whose positive is another one. Default: none does. */
  readonly excluded?: (query: number, document: number) => boolean;
  /** For each query, what distillation learns from; `undefined` for a query without. Default: none has any. */
  readonly committee?: readonly (CommitteeScores | undefined)[];
}

/** What the loss reads of a sequence: pooled places first, then those whose next token is cloned. */
export interface JointSequence extends TrainingSequence {
  readonly pooled: number;
  readonly labels: readonly number[];
}

/** Queries, then documents, with the places that the joint loss reads. */
export function jointSequences(batch: JointBatch): JointSequence[] {
  return [
    ...batch.queries.map(({ tokens, instantAt, cloned }) => {
      const last = tokens.length - 1;
      if (instantAt === last) return { tokens, selected: [last], pooled: 1, labels: [] };
      // The place of `<thought>` predicts the thought's first token, that of its last token predicts `</s>`.
      const labels = cloned ? tokens.slice(instantAt + 2, last) : [];
      const cloning = labels.map((_, i) => instantAt + 1 + i);
      return { tokens, selected: [instantAt, last, ...cloning], pooled: 2, labels };
    }),
    ...batch.documents.map(({ tokens }) => ({ tokens, selected: [tokens.length - 1], pooled: 1, labels: [] })),
  ];
}
