import type { EvaluationSet, JudgedQueries } from './data-sets/evaluation-set.js';
import { embedCorpus } from './embed-corpus.js';
import {
  embedPlainQueries,
  embedQueries,
  type PassOptions,
  type QueryRecord,
  type QueryTask,
} from './embed-queries.js';
import type { DenseEncoder, O1Model } from './models.js';
import type { WorkOptions } from './progress.js';
import type { DocumentMatrix } from './ranking/document-matrix.js';
import type { Skipped } from './result.js';
import { O1_SYSTEMS, type SystemSpec } from './systems/system-name.js';
import { expertOptions, instantOptions, type PassSystem, passesFor, passOptions } from './systems/thinking-passes.js';
import { VectorCache } from './vector-cache.js';

export type SplitName = 'test' | 'dev';

interface PlainVectors {
  readonly vectors: readonly Float32Array[];
  readonly ms: readonly number[];
}

/** A data set with all vectors that its systems need. */
export interface GatheredSet {
  readonly set: EvaluationSet;
  readonly splits: readonly SplitName[];
  readonly o1?: {
    readonly matrix: DocumentMatrix;
    /** Records of each pass, by split. */
    readonly passes: ReadonlyMap<PassSystem, Partial<Record<SplitName, readonly QueryRecord[]>>>;
  };
  readonly encoders: ReadonlyMap<
    string,
    { readonly matrix: DocumentMatrix; readonly queries: Partial<Record<SplitName, PlainVectors>> }
  >;
  readonly indexSeconds: Readonly<Record<string, number>>;
  readonly skipped: readonly Skipped[];
}

export interface GatherOptions extends WorkOptions {
  readonly systems: readonly SystemSpec[];
  readonly o1?: O1Model | undefined;
  readonly encoders: readonly DenseEncoder[];
  /** Folder of the vector cache. */
  readonly cache: string;
}

/** Embeds documents and queries of a set in every way that the systems ask for. The long part of an evaluation. */
export async function gatherSet(set: EvaluationSet, options: GatherOptions): Promise<GatheredSet> {
  const splits: SplitName[] = set.dev ? ['test', 'dev'] : ['test'];
  const skipped: Skipped[] = [];
  const indexSeconds: Record<string, number> = {};
  const encoders = new Map<string, { matrix: DocumentMatrix; queries: Partial<Record<SplitName, PlainVectors>> }>();
  for (const encoder of options.encoders) {
    const cache = new VectorCache(options.cache, encoder.fingerprint);
    const embed = (texts: readonly string[]) => encoder.embed(texts, options.signal ? { signal: options.signal } : {});
    const task = `${set.name}: documents by ${encoder.name}`;
    const { matrix, seconds } = await embedCorpus(set.documents, cache, embed, task, options);
    indexSeconds[`encoder:${encoder.name}`] = seconds;
    const queries: Partial<Record<SplitName, PlainVectors>> = {};
    for (const split of splits) {
      const texts = judgedOf(set, split).queries.map(({ text }) => text);
      const label = `${set.name}: ${split} queries by ${encoder.name}`;
      queries[split] = await embedPlainQueries(texts, encoder, cache, label, options);
    }
    encoders.set(`encoder:${encoder.name}`, { matrix, queries });
  }
  const wanted = passesFor(O1_SYSTEMS.filter((system) => options.systems.some(({ base }) => base === system)));
  if (!options.o1 || wanted.length === 0) return { set, splits, encoders, indexSeconds, skipped };

  const { o1 } = options;
  const cache = new VectorCache(options.cache, o1.fingerprint);
  const embed = (texts: readonly string[]) => o1.embedDocuments(texts, { signal: options.signal });
  const task = `${set.name}: documents by ${o1.settings.base.model}`;
  const { matrix, seconds } = await embedCorpus(set.documents, cache, embed, task, options);
  indexSeconds.o1 = seconds;
  const passes = new Map<PassSystem, Partial<Record<SplitName, readonly QueryRecord[]>>>();
  for (const system of wanted) {
    const records: Partial<Record<SplitName, readonly QueryRecord[]>> = {};
    for (const split of splits) {
      const tasks = tasksOf(system, wanted, judgedOf(set, split), o1);
      const label = `${set.name}: ${split} queries with ${wordsOf(tasks?.[0]?.options)}`;
      if (tasks) records[split] = await embedQueries(tasks, o1, cache, label, options);
    }
    if (records.test) passes.set(system, records);
    else skipped.push({ what: `${set.name}: ${system}`, why: 'no thoughts of an expert were recorded for this set' });
  }
  return { set, splits, o1: { matrix, passes }, encoders, indexSeconds, skipped };
}

/** Queries of a split. The dev split is there where it is asked for. */
export const judgedOf = (set: EvaluationSet, split: SplitName): JudgedQueries =>
  split === 'test' ? set.test : set.dev!;

/** What a pass does, whichever systems use it. */
function wordsOf({ think, thought, thoughts, temperature }: PassOptions = {}): string {
  if (thought !== undefined) return 'recorded thoughts';
  if (think === 'never') return 'no thoughts';
  return `${thoughts} ${thoughts === 1 ? 'thought' : 'thoughts'} at temperature ${temperature}`;
}

/** `undefined` where the set has no recorded thoughts. */
function tasksOf(
  system: PassSystem,
  passes: readonly PassSystem[],
  { queries, expertThoughts }: JudgedQueries,
  { settings }: O1Model,
): QueryTask[] | undefined {
  if (system !== 'o1:expert') {
    const options = system === 'o1:never' ? instantOptions(passes, settings) : passOptions(system, settings);
    return queries.map(({ text }) => ({ text, options }));
  }
  return expertThoughts && queries.map(({ id, text }) => ({ text, options: expertOptions(expertThoughts.get(id)!) }));
}
