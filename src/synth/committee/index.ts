/** The committee of retrievers: who sits in it, how it scores and votes, whether its members agree and whether it chooses well. */
export { type Agreement, agreementOf, cohensKappa, kendallTau } from './agreement.js';
export { bestPositions, type CorpusScorer, corpusScorer } from './corpus-scores.js';
export { type Judgement, type JudgeOptions, judgeChoice } from './judge-choice.js';
export {
  type CommitteeMember,
  type CommitteeProgress,
  DEFAULT_MEMBERS,
  type DenseRetriever,
  type MemberOptions,
  parseMembers,
  type SelfEmbedder,
  selfRetriever,
} from './member.js';
export { type Positive, positivesOf } from './positives.js';
export {
  type RefinedRecord,
  type RefineOptions,
  type RefineReport,
  refineCandidates,
} from './refine-candidates.js';
export { hardVote, softVote } from './vote.js';
