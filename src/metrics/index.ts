/**
 * Ranking metrics: how good is a list of documents, given judgements.
 *
 * Pure functions from a run and judgements to one value a query, with trec_eval's conventions, and a reader for TREC's
 * own text formats. The room knows nothing else: not where a run comes from, nor what a query or a document is.
 */
export { ndcg } from './ndcg.js';
export { mean, rankedIds } from './ranking.js';
export { recall } from './recall.js';
export { reciprocalRank } from './reciprocal-rank.js';
export { parseTrecQrels, parseTrecRun } from './trec.js';
export type { Qrels, Run, ScoredDocument } from './types.js';
