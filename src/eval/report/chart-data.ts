import type { Evaluation, QueryResult, SetResult } from '../result.js';
import { THINKING_SYSTEMS } from '../systems/system-name.js';

/** A query's gain by a thought over the instant vector. */
export interface GainPoint {
  readonly system: string;
  readonly id: string;
  readonly query: string;
  readonly gain: number;
  /** Position among the gains of its system, from the largest. */
  readonly rank: number;
  readonly tokens: number;
  readonly thought: string;
}

export interface CostPoint {
  readonly system: string;
  readonly ms: number;
  readonly value: number;
  readonly low: number;
  readonly high: number;
  /** No other system is both quicker and better. */
  readonly onFront: boolean;
}

/** What the charts of one set are drawn from. */
export interface SetCharts {
  readonly name: string;
  readonly measure: string;
  readonly gains: readonly GainPoint[];
  readonly cost: readonly CostPoint[];
  readonly trust: SetResult['trust'];
}

export const chartData = ({ sets, measures }: Evaluation): SetCharts[] =>
  sets.map((set) => ({
    name: set.name,
    measure: measures[0]!,
    gains: THINKING_SYSTEMS.flatMap((system) => gainsOf(set.queries, system)),
    cost: costPoints(set, measures[0]!),
    trust: set.trust,
  }));

/** Gains of a system over the instant vector, largest first; none where one of the two was not measured. */
export function gainsOf(queries: readonly QueryResult[], system: string): GainPoint[] {
  return queries
    .filter(({ scores }) => scores[system] !== undefined && scores['o1:never'] !== undefined)
    .map(({ id, text, scores, thoughts }) => ({
      ...{ system, id, query: text, gain: scores[system]! - scores['o1:never']! },
      tokens: (thoughts[system] ?? []).reduce((sum, { tokens }) => sum + tokens, 0),
      thought: (thoughts[system] ?? []).map((thought) => thought.text.trim()).join(' | '),
    }))
    .sort((a, b) => b.gain - a.gain)
    .map((point, i) => ({ ...point, rank: i + 1 }));
}

function costPoints({ slices }: SetResult, measure: string): CostPoint[] {
  const points = slices[0]!.rows.map(({ system, meanMs, values }) => {
    const { mean: value, low, high } = values[measure]!;
    return { system, ms: meanMs, value, low, high };
  });
  const beats = (a: (typeof points)[number], b: (typeof points)[number]) =>
    a.ms <= b.ms && a.value >= b.value && (a.ms < b.ms || a.value > b.value);
  // The front is that of this model's own ways to answer. With an expert's thought it does not answer alone.
  const ownWays = points.filter(({ system }) => /^o1:(never|k1|k3|always|auto)$/.test(system));
  return points.map((point) => ({
    ...point,
    onFront: ownWays.includes(point) && !ownWays.some((other) => beats(other, point)),
  }));
}
