/**
 * Synthesis: a corpus, or queries and their positives, become training data for a thinking embedder.
 *
 * An expert (any chat model) explores: it writes queries for documents, and candidate thoughts for queries. A committee of
 * retrievers refines, and finds hard negatives. Every stage resumes from a journal. The room knows nothing of training.
 */
export type { AskProgress } from './ask/ask-all.js';
export type { StageUsage } from './ask/usage.js';
export { type Candidates, candidatesPath, readCandidates, writeCandidates } from './candidates.js';
export {
  type Agreement,
  type CommitteeMember,
  type CommitteeProgress,
  DEFAULT_MEMBERS,
  type DenseRetriever,
  type Judgement,
  type JudgeOptions,
  judgeChoice,
  type MemberOptions,
  parseMembers,
  type RefinedRecord,
  type RefineOptions,
  type RefineReport,
  refineCandidates,
} from './committee/index.js';
export { contentKey } from './content-key.js';
export { cutToTokens } from './cut-text.js';
export { type Diversity, diversityOf, meanDiversity } from './explore/diversity.js';
export { type ExploreOptions, type ExploreSettings, exploreThoughts } from './explore/explore-thoughts.js';
export { type ImportOptions, importCandidates } from './explore/import-candidates.js';
export type { CandidatesReport } from './explore/sift-thoughts.js';
export { DEFAULT_TASK } from './explore/thought-prompt.js';
export { Journal } from './journal.js';
export { type Rejected, readSynthManifest, STAGES, type Stage, type SynthManifest, writeStage } from './manifest.js';
export {
  mineNegatives,
  NEGATIVE_DEFAULTS,
  type NegativeSettings,
  type NegativesOptions,
  type NegativesRecord,
  type NegativesReport,
} from './negatives/index.js';
export { inOutputFolder } from './output-folder.js';
export { QUERY_KINDS, type QueryKind } from './queries/query-prompts.js';
export { type QueriesOptions, type QueriesReport, synthesiseQueries } from './queries/synthesise-queries.js';
export { SPLITS, type Split, type SplitShares } from './queries/write-query-set.js';
export { readRefined } from './report/report-records.js';
export { type ReportOptions, writeSynthReport } from './report/synth-page.js';
export { fraction, seededOrder } from './seeded.js';
