import type { Qrels } from '../../metrics/index.js';
import type { DocumentRecord, QueryRecord } from '../../search/index.js';

/** Queries with their judgements. */
export interface JudgedQueries {
  readonly queries: readonly QueryRecord[];
  readonly qrels: Qrels;
  /** An external expert's thought by query id, where one was recorded for every query. */
  readonly expertThoughts?: ReadonlyMap<string, string> | undefined;
}

/** What an evaluation runs on. */
export interface EvaluationSet {
  readonly name: string;
  /** Where it comes from, in words, for the report. */
  readonly origin: string;
  /** Name of the judgements that are reported, such as `test`. */
  readonly split: string;
  readonly documents: readonly DocumentRecord[];
  readonly test: JudgedQueries;
  /** What is chosen (weights, rules) is chosen on these. */
  readonly dev?: JudgedQueries | undefined;
  /** Parts of the test queries that are reported on their own, beside the whole. */
  readonly slices: readonly { readonly name: string; readonly queryIds: ReadonlySet<string> }[];
  /** Least grade of a relevant document, for measures that know relevant and not relevant only. */
  readonly relevantFrom: number;
  /** What a reader of the figures should know, e.g. that counts are not those of the published set. */
  readonly remarks: readonly string[];
}
