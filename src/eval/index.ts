/**
 * Evaluation: systems side by side on data sets, with what chance may have done to the figures, and a report.
 *
 * BM25, encoders, the thinking embedder with no, one, three, its own or an expert's thought, each alone or fused with BM25.
 * The room does not know how vectors are made, nor where models come from: it is given them.
 */
export { CATALOGUE, type CatalogueEntry, SUITES } from './data-sets/catalogue.js';
export type { EvaluationSet, JudgedQueries } from './data-sets/evaluation-set.js';
export { loadEvaluationSet } from './data-sets/load-set.js';
export { unseenQueries } from './data-sets/unseen.js';
export { estimateSeconds } from './estimate.js';
export { DEFAULT_MEASURES, type EvaluateOptions, evaluate } from './evaluate.js';
export type { DenseEncoder, O1Model } from './models.js';
export type { EvaluationProgress } from './progress.js';
export { DocumentMatrix } from './ranking/document-matrix.js';
export { chooseWeight, type FusionMethod, fuse } from './ranking/fusion.js';
export { evaluationMarkdown } from './report/markdown.js';
export { evaluationPage } from './report/page.js';
export { writeReport } from './report/write-report.js';
export type {
  EqualCost,
  Evaluation,
  QueryResult,
  SetResult,
  Skipped,
  SliceResult,
  SystemDifference,
  SystemRow,
  TrustPoint,
} from './result.js';
export {
  bootstrapInterval,
  type Interval,
  type PairedDifference,
  pairedDifference,
  type ResamplingOptions,
} from './statistics/significance.js';
export { defaultSystems, O1_SYSTEMS, parseSystems, type SystemSpec } from './systems/system-name.js';
