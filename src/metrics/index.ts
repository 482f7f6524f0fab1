/**
 * Ranking metrics: how good is a list of documents, given judgements.
 *
 * Pure functions from a run and judgements to one value a query, with trec_eval's conventions, and TREC's
 * own text formats, read and written. The room knows nothing else: not where a run comes from, nor what a query or a document is.
 */
export { averagePrecision } from './average-precision.js';
export { compatibility } from './compatibility.js';
export { type Measure, measureNamed } from './measure.js';
export { ndcg } from './ndcg.js';
export { precision } from './precision.js';
export { mean, type RelevanceOptions, rankedIds } from './ranking.js';
export { recall } from './recall.js';
export { reciprocalRank } from './reciprocal-rank.js';
export { success } from './success.js';
export { formatTrecRun, parseTrecQrels, parseTrecRun } from './trec.js';
export type { Qrels, Run, ScoredDocument } from './types.js';
