import type { QueryRecord as Query } from '../search/index.js';
import type { ThoughtRecord } from './embed-queries.js';
import type { EqualCost, SliceResult, SystemDifference, SystemRow } from './result.js';
import { average, bootstrapInterval, pairedDifference, type ResamplingOptions } from './statistics/significance.js';

/** A system's values by query, in the order of the queries. */
export interface ScoredSystem {
  readonly name: string;
  /** By measure; the first is the one that everything is compared by. */
  readonly values: ReadonlyMap<string, readonly number[]>;
  readonly ms: readonly number[];
  readonly thoughts?: readonly (readonly ThoughtRecord[])[] | undefined;
}

/** The two ways between which `auto` decides. */
export interface CostEnds {
  readonly never: ScoredSystem;
  readonly always: ScoredSystem;
}

/** Figures of all systems over a part of the queries. */
export function summarise(
  name: string,
  queries: readonly Query[],
  queryIds: ReadonlySet<string>,
  systems: readonly ScoredSystem[],
  ends: CostEnds | undefined,
  resampling: ResamplingOptions,
): SliceResult {
  const positions = queries.flatMap(({ id }, i) => (queryIds.has(id) ? [i] : []));
  const of = <T>(values: readonly T[]): T[] => positions.map((i) => values[i]!);
  const auto = systems.find((system) => system.name === 'o1:auto');
  return {
    name,
    queries: positions.length,
    rows: systems.map((system) => rowOf(system, of, resampling)),
    differences: differencesOf(systems, of, resampling),
    equalCost: auto && ends && equalCostOf(auto, ends, of, resampling),
  };
}

type Pick = <T>(values: readonly T[]) => T[];

function rowOf({ name, values, ms, thoughts }: ScoredSystem, of: Pick, resampling: ResamplingOptions): SystemRow {
  const tokensOf = (list: readonly ThoughtRecord[]) => list.reduce((sum, { tokens }) => sum + tokens, 0);
  return {
    system: name,
    values: Object.fromEntries(
      [...values].map(([measure, all]) => {
        const slice = of(all);
        return [measure, { mean: average(slice), ...bootstrapInterval(slice, resampling) }];
      }),
    ),
    meanMs: average(of(ms)),
    ...(thoughts && !name.startsWith('o1:never') ? { meanThoughtTokens: average(of(thoughts).map(tokensOf)) } : {}),
  };
}

/** The first measure, whatever it is. */
const primary = ({ values }: ScoredSystem): readonly number[] => [...values.values()][0]!;

/** Every system against BM25, the encoders, and the instant vector; `auto` against `always`; a fused one against its parts. */
function differencesOf(systems: readonly ScoredSystem[], of: Pick, resampling: ResamplingOptions): SystemDifference[] {
  return systems.flatMap((system) => {
    const [base, fused] = [system.name.replace('+bm25', ''), system.name.includes('+')];
    return systems
      .filter(({ name }) => name !== system.name)
      .filter(
        ({ name }) =>
          name === 'bm25' ||
          name === 'o1:never' ||
          (system.name === 'o1:auto' && name === 'o1:always') ||
          (name.startsWith('encoder:') && !name.includes('+')) ||
          (fused && (name === base || name === 'o1:never+bm25')),
      )
      .map((other) => ({
        system: system.name,
        against: other.name,
        ...pairedDifference(of(primary(system)), of(primary(other)), resampling),
      }));
  });
}

function equalCostOf(
  auto: ScoredSystem,
  { never, always }: CostEnds,
  of: Pick,
  resampling: ResamplingOptions,
): EqualCost {
  const [autoValues, neverValues, alwaysValues] = [auto, never, always].map((system) => of(primary(system)));
  const thoughtAbout = of(auto.thoughts!).filter((thoughts) => thoughts.length > 0).length;
  const thinkingShare = thoughtAbout / Math.max(1, autoValues!.length);
  const coin = neverValues!.map((value, i) => (1 - thinkingShare) * value + thinkingShare * alwaysValues![i]!);
  return {
    thinkingShare,
    never: average(neverValues!),
    always: average(alwaysValues!),
    auto: average(autoValues!),
    coin: average(coin),
    neverMs: average(of(never.ms)),
    alwaysMs: average(of(always.ms)),
    autoMs: average(of(auto.ms)),
    coinMs: (1 - thinkingShare) * average(of(never.ms)) + thinkingShare * average(of(always.ms)),
    ...pairedDifference(autoValues!, coin, resampling),
  };
}
