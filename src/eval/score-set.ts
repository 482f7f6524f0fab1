import { setImmediate as nextTurn } from 'node:timers/promises';
import { throwIfAborted } from '../errors.js';
import type { Measure, Run } from '../metrics/index.js';
import type { GatheredSet } from './gather.js';
import type { WorkOptions } from './progress.js';
import { chooseWeight, type FusionMethod } from './ranking/fusion.js';
import type { QueryResult, SetResult, Skipped } from './result.js';
import type { ResamplingOptions } from './statistics/significance.js';
import { type ScoredSystem, summarise } from './summarise.js';
import { type O1Choices, Runner } from './systems/runner.js';
import type { SystemSpec } from './systems/system-name.js';
import { fusedRun, type SystemRun } from './systems/system-run.js';
import { trustSweep } from './systems/trust-sweep.js';

export interface ScoreOptions extends ResamplingOptions, WorkOptions {
  readonly systems: readonly SystemSpec[];
  /** The first is the one that everything is compared by. */
  readonly measures: readonly Measure[];
  readonly choices: O1Choices;
  /** Gets the whole run of each system. */
  readonly onRun?: ((set: string, system: string, run: Run) => Promise<void>) | undefined;
}

/** Runs and scores every system on a set whose vectors are there. */
export async function scoreSet(
  gathered: GatheredSet,
  options: ScoreOptions,
): Promise<{ readonly result: SetResult; readonly skipped: readonly Skipped[] }> {
  const { set } = gathered;
  const runner = new Runner(gathered, options.choices);
  const skipped: Skipped[] = [];
  const scored: ScoredSystem[] = [];
  const fusion: Record<string, FusionMethod & { chosenOn: string }> = {};
  const { systems, signal, onProgress } = options;
  for (const [done, { name, base, fused }] of systems.entries()) {
    // Scoring is one long computation: between systems Ctrl-C is heard and the progress drawn.
    await nextTurn();
    throwIfAborted(signal);
    onProgress?.({ task: `${set.name}: scoring`, unit: 'systems', done, total: systems.length, worked: done });
    let run = runner.run(base, 'test');
    if (run && fused) {
      const method = fusionFor(gathered, runner, base);
      fusion[name] = method;
      run = fusedRun(method, run, runner.run('bm25', 'test')!);
    }
    if (!run) {
      const why = reasonFor(gathered, base, options.choices);
      skipped.push({ what: `${set.name}: ${name}`, why });
      continue;
    }
    scored.push(score(name, run, gathered, options));
    await options.onRun?.(set.name, name, asRun(gathered, run));
  }
  const always = systems.some(({ base }) => base === 'o1:auto') ? runner.run('o1:always', 'test') : undefined;
  const never = runner.run('o1:never', 'test');
  const forCost = always &&
    never && {
      never: score('never', never, gathered, options),
      always: score('always', always, gathered, options),
    };
  const slices = [{ name: 'all', queryIds: new Set(set.test.queries.map(({ id }) => id)) }, ...set.slices];
  const result: SetResult = {
    name: set.name,
    origin: set.origin,
    split: set.split,
    documents: set.documents.length,
    remarks: set.remarks,
    indexSeconds: gathered.indexSeconds,
    fusion,
    slices: slices.map(({ name, queryIds }) => summarise(name, set.test.queries, queryIds, scored, forCost, options)),
    trust: trustSweep(gathered),
    queries: queryResults(gathered, scored, options.measures[0]!.name),
  };
  return { result, skipped };
}

/** The weight of the best dev figure; without dev queries reciprocal rank fusion, which has nothing to choose. */
function fusionFor(gathered: GatheredSet, runner: Runner, base: SystemSpec['base']) {
  const dev = gathered.set.dev;
  const [first, second] = dev ? [runner.run(base, 'dev'), runner.run('bm25', 'dev')] : [];
  if (!dev || !first || !second) return { method: 'rrf', chosenOn: 'nothing' } as const;
  const ids = dev.queries.map(({ id }) => id);
  return { ...chooseWeight(ids, first.rankings, second.rankings, dev.qrels), chosenOn: `${ids.length} dev queries` };
}

function reasonFor({ set, o1 }: GatheredSet, base: SystemSpec['base'], { rule }: O1Choices): string {
  if (base === 'o1:expert' && o1) return 'no thoughts of an expert were recorded for this set';
  if (base === 'o1:auto' && o1 && !rule) {
    return 'the adapter has no rule for auto, and no set of this evaluation has dev queries to choose one on';
  }
  return `there is no model for ${base} on ${set.name}`;
}

function score(name: string, run: SystemRun, gathered: GatheredSet, { measures }: ScoreOptions): ScoredSystem {
  const { relevantFrom, test } = gathered.set;
  const values = measures.map((measure) => {
    const byQuery = measure.perQuery(asRun(gathered, run), test.qrels, { relevantFrom });
    return [measure.name, test.queries.map(({ id }) => byQuery.get(id)!)] as const;
  });
  return { name, values: new Map(values), ms: run.ms, thoughts: run.thoughts };
}

const asRun = ({ set }: GatheredSet, { rankings }: SystemRun): Run =>
  new Map(set.test.queries.map(({ id }, i) => [id, rankings[i]!]));

/** Values this near are equal: floating-point sums in another order. */
const TIE = 1e-9;

function queryResults({ set }: GatheredSet, scored: readonly ScoredSystem[], measure: string): QueryResult[] {
  return set.test.queries.map(({ id, text }, i) => {
    const scores = Object.fromEntries(scored.map(({ name, values }) => [name, values.get(measure)![i]!]));
    const best = Math.max(...Object.values(scores));
    const rest = Object.values(scores).filter((value) => value < best - TIE);
    const thoughts = scored
      .filter(({ name, thoughts }) => !name.includes('+') && (thoughts?.[i]?.length ?? 0) > 0)
      .map(({ name, thoughts }) => [name, thoughts![i]!.map(({ vector: _, ...thought }) => thought)] as const);
    return {
      id,
      text,
      scores,
      winners: Object.keys(scores).filter((name) => scores[name]! >= best - TIE),
      lead: rest.length === 0 ? 0 : best - Math.max(...rest),
      ms: Object.fromEntries(scored.map(({ name, ms }) => [name, ms[i]!])),
      thoughts: Object.fromEntries(thoughts),
    };
  });
}
