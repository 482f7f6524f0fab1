import { type AutoRule, decide, finalVector, marginOf, type QuerySignals } from '../../embedder/index.js';
import type { ScoredDocument } from '../../metrics/index.js';
import type { Bm25 } from '../../search/index.js';
import type { QueryRecord, ThoughtRecord } from '../embed-queries.js';
import type { DocumentMatrix } from '../ranking/document-matrix.js';
import { type FusionMethod, fuse } from '../ranking/fusion.js';

/** Documents that are kept for each query: enough for Recall@1000. */
export const DEPTH = 1000;

/** What one system answered, in the order of the queries. */
export interface SystemRun {
  readonly rankings: readonly (readonly ScoredDocument[])[];
  /** From the query's text to its ranking, in ms. */
  readonly ms: readonly number[];
  /** The thoughts that were used; an empty list for a query that was answered without. */
  readonly thoughts?: readonly (readonly ThoughtRecord[])[];
}

export function bm25Run(bm25: Bm25, texts: readonly string[]): SystemRun {
  const timed = texts.map((text) => timedCall(() => bm25.search(text, DEPTH)));
  return { rankings: timed.map(({ value }) => value), ms: timed.map(({ ms }) => ms) };
}

/** Searches with vectors. @param embedMs time that each vector took. */
export function denseRun(
  matrix: DocumentMatrix,
  vectors: readonly Float32Array[],
  embedMs: readonly number[],
): SystemRun {
  const timed = vectors.map((vector) => timedCall(() => matrix.search(vector, DEPTH)));
  return { rankings: timed.map(({ value }) => value), ms: timed.map(({ ms }, i) => ms + embedMs[i]!) };
}

/** Without thoughts: the time is that of the instant vector. */
export const instantRun = (matrix: DocumentMatrix, records: readonly QueryRecord[]): SystemRun => ({
  ...denseRun(
    matrix,
    records.map(({ instant }) => instant),
    records.map(({ prefillMs }) => prefillMs),
  ),
  thoughts: records.map(() => []),
});

/** With all thoughts. */
export const thinkingRun = (
  matrix: DocumentMatrix,
  records: readonly QueryRecord[],
  instantWeight: number,
): SystemRun => ({
  ...denseRun(
    matrix,
    records.map(({ instant, thoughts }) => finalVector(instant, thoughts.map(vectorOf), instantWeight)),
    records.map(({ totalMs }) => totalMs),
  ),
  thoughts: records.map(({ thoughts }) => thoughts),
});

/** For each query the one run or the other, as the rule says. */
export function autoRun(
  rule: AutoRule,
  signals: readonly QuerySignals[],
  instant: SystemRun,
  thinking: SystemRun,
  /** Of each instant search, where the rule goes by its margin. */
  searchMs: readonly number[] = [],
): SystemRun {
  const chosen = signals.map((signal) => (decide(rule, signal) === 'think' ? thinking : instant));
  return {
    rankings: chosen.map(({ rankings }, i) => rankings[i]!),
    ms: chosen.map((run, i) => run.ms[i]! + (run === thinking ? (searchMs[i] ?? 0) : 0)),
    thoughts: chosen.map(({ thoughts }, i) => thoughts![i]!),
  };
}

/** What the rule of `auto` may know: the signals of the prefill, and the margin of the instant search. */
export const signalsOf = (records: readonly QueryRecord[], instant: SystemRun): QuerySignals[] =>
  records.map(({ signals }, i) => ({
    ...signals!,
    margin: marginOf(instant.rankings[i]!.slice(0, 2).map(({ score }) => score)),
  }));

/** Both searches, and the time of both. */
export function fusedRun(method: FusionMethod, dense: SystemRun, bm25: SystemRun): SystemRun {
  const timed = dense.rankings.map((ranking, i) =>
    timedCall(() => fuse(method, ranking, bm25.rankings[i]!).slice(0, DEPTH)),
  );
  return {
    ...(dense.thoughts ? { thoughts: dense.thoughts } : {}),
    rankings: timed.map(({ value }) => value),
    ms: timed.map(({ ms }, i) => ms + dense.ms[i]! + bm25.ms[i]!),
  };
}

const vectorOf = ({ vector }: ThoughtRecord) => vector;

function timedCall<T>(call: () => T): { readonly value: T; readonly ms: number } {
  const start = performance.now();
  const value = call();
  return { value, ms: performance.now() - start };
}
