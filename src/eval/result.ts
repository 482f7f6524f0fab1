import type { AutoRule, O1Settings } from '../embedder/index.js';
import type { FusionMethod } from './ranking/fusion.js';
import type { Interval, PairedDifference } from './statistics/significance.js';

/** Everything that an evaluation found, as plain data: `results.json`. */
export interface Evaluation {
  readonly version: 1;
  /** When it ended, ISO 8601. */
  readonly date: string;
  /** What the machine was: processor, cores, Node. */
  readonly machine: string;
  readonly o1?: O1Summary | undefined;
  /** The encoders that were compared with; the fingerprint tells which weights. */
  readonly encoders: readonly { readonly name: string; readonly fingerprint: string }[];
  /** Documents and queries that an earlier run had embedded: their times are of then. */
  readonly reused: number;
  /** Measures, the first is the one that everything is compared by. */
  readonly measures: readonly string[];
  readonly repetitions: number;
  readonly seed: number;
  readonly sets: readonly SetResult[];
  /** What was asked for and could not be done, and why. */
  readonly skipped: readonly Skipped[];
}

export interface O1Summary {
  readonly fingerprint: string;
  readonly model: string;
  readonly mode: string;
  readonly origin: string;
  /** The adapter's own way to think, that of `o1:always`. */
  readonly thinking: Pick<O1Settings['thinking'], 'thoughts' | 'temperature' | 'topP'> & { readonly maxTokens: number };
  /** Share of the instant vector beside the model's own thoughts. */
  readonly instantWeight: number;
  readonly auto?: { readonly rule: AutoRule; readonly source: string } | undefined;
}

export interface Skipped {
  readonly what: string;
  readonly why: string;
}

export interface SetResult {
  readonly name: string;
  readonly origin: string;
  readonly split: string;
  readonly documents: number;
  readonly remarks: readonly string[];
  /** Seconds that embedding the documents took, by encoder. */
  readonly indexSeconds: Readonly<Record<string, number>>;
  /** How rankings were fused with BM25, by fused system. */
  readonly fusion: Readonly<Record<string, FusionMethod & { readonly chosenOn: string }>>;
  /** The whole split first, named `all`. */
  readonly slices: readonly SliceResult[];
  /** nDCG@10 by the share of the instant vector, on the reported split and on dev, for each thinking system. */
  readonly trust: readonly TrustPoint[];
  readonly queries: readonly QueryResult[];
}

export interface SliceResult {
  readonly name: string;
  readonly queries: number;
  readonly rows: readonly SystemRow[];
  readonly differences: readonly SystemDifference[];
  readonly equalCost?: EqualCost | undefined;
}

/** A system's figures over the queries of a slice. */
export interface SystemRow {
  readonly system: string;
  readonly values: Readonly<Record<string, { readonly mean: number } & Interval>>;
  /** Mean time from text to ranking. */
  readonly meanMs: number;
  /** Tokens of all thoughts of a query, mean over the queries; absent where the system does not think. */
  readonly meanThoughtTokens?: number | undefined;
}

/** One system less another, by the first measure. */
export interface SystemDifference extends PairedDifference {
  readonly system: string;
  readonly against: string;
}

/**
 * `auto` against tossing a coin that thinks about as many queries as `auto` does: the same mean cost without knowing which
 * queries gain.
 */
export interface EqualCost extends PairedDifference {
  /** Share of queries that `auto` thought about. */
  readonly thinkingShare: number;
  readonly never: number;
  readonly always: number;
  readonly auto: number;
  /** Expected value of the coin. */
  readonly coin: number;
  readonly neverMs: number;
  readonly alwaysMs: number;
  readonly autoMs: number;
  readonly coinMs: number;
}

export interface TrustPoint {
  readonly system: string;
  readonly split: 'test' | 'dev';
  readonly instantWeight: number;
  readonly value: number;
}

export interface QueryResult {
  readonly id: string;
  readonly text: string;
  /** The first measure by system. */
  readonly scores: Readonly<Record<string, number>>;
  /** The systems with the best score, and how far ahead of the next they are; 0 where all are equal. */
  readonly winners: readonly string[];
  readonly lead: number;
  readonly ms: Readonly<Record<string, number>>;
  readonly thoughts: Readonly<Record<string, readonly ThoughtResult[]>>;
}

export interface ThoughtResult {
  readonly text: string;
  readonly tokens: number;
  readonly finishReason: string;
  readonly logProbability: number;
}
