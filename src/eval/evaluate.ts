import { cpus } from 'node:os';
import { InvalidInputError } from '../errors.js';
import { measureNamed, type Run } from '../metrics/index.js';
import type { EvaluationSet } from './data-sets/evaluation-set.js';
import { type GatheredSet, gatherSet } from './gather.js';
import type { DenseEncoder, O1Model } from './models.js';
import type { EvaluationProgress, WorkOptions } from './progress.js';
import type { Evaluation, O1Summary, SetResult, Skipped } from './result.js';
import { scoreSet } from './score-set.js';
import { DEFAULT_REPETITIONS, type ResamplingOptions } from './statistics/significance.js';
import { chooseAuto } from './systems/choose-auto.js';
import { parseSystems, type SystemSpec } from './systems/system-name.js';

export interface EvaluateOptions extends WorkOptions, ResamplingOptions {
  readonly sets: readonly EvaluationSet[];
  /** Names such as `bm25`, `encoder:all-minilm-l6-v2`, `o1:k1`, `o1:k1+bm25`. */
  readonly systems: readonly string[];
  /** The thinking embedder; may be left out where no system asks for it. */
  readonly o1?: O1Model | undefined;
  /** One for each system `encoder:<name>`. */
  readonly encoders?: readonly DenseEncoder[];
  /** Folder of vectors that were computed before, or are computed now. */
  readonly cache: string;
  /** The first is the one that everything is compared by. Default {@link DEFAULT_MEASURES}. */
  readonly measures?: readonly string[];
  /** Gets every system's whole run, 1,000 documents deep. */
  readonly onRun?: ((set: string, system: string, run: Run) => Promise<void>) | undefined;
}

/** Those of the paper, and two that say more on small corpora. */
export const DEFAULT_MEASURES: readonly string[] = ['nDCG@10', 'MRR@10', 'Recall@100', 'Recall@1000', 'MAP'];

/**
 * Measures systems side by side on data sets. What was embedded before by the same encoder is taken from the cache, so that a
 * run that was stopped or killed goes on.
 */
export async function evaluate(options: EvaluateOptions): Promise<Evaluation> {
  const { o1, encoders = [], repetitions = DEFAULT_REPETITIONS, seed = 0 } = options;
  const systems = parseSystems(options.systems);
  const measures = (options.measures ?? DEFAULT_MEASURES).map(measureNamed);
  if (measures.length === 0) throw new InvalidInputError('expected at least one measure, got none.');
  checkModels(systems, o1, encoders);

  // Equal passes of one run have one name: what any of them computed was computed now.
  const tasks = new Map<string, Pick<EvaluationProgress, 'done' | 'worked'>>();
  const onProgress = (step: EvaluationProgress) => {
    const { task, done, worked } = step;
    if (step.unit !== 'systems') tasks.set(task, { done, worked: Math.max(worked, tasks.get(task)?.worked ?? 0) });
    options.onProgress?.(step);
  };
  const gathered: GatheredSet[] = [];
  for (const set of options.sets) gathered.push(await gatherSet(set, { ...options, onProgress, systems, encoders }));

  const instantWeight = o1?.settings.thinking.instantWeight ?? 0;
  const auto = o1 && systems.some(({ base }) => base === 'o1:auto') ? autoOf(o1, gathered, instantWeight) : undefined;
  const skipped: Skipped[] = gathered.flatMap((set) => set.skipped);
  const results: SetResult[] = [];
  for (const set of gathered) {
    const choices = { instantWeight, rule: auto?.rule };
    const scored = await scoreSet(set, { ...options, systems, measures, choices, repetitions, seed });
    results.push(scored.result);
    skipped.push(...scored.skipped);
  }
  return {
    version: 1,
    date: new Date().toISOString(),
    machine: `${cpus()[0]?.model.trim() ?? 'unknown processor'}, ${cpus().length} cores, Node ${process.versions.node}`,
    o1: o1 && summaryOf(o1, instantWeight, auto),
    encoders: encoders.map(({ name, fingerprint }) => ({ name, fingerprint })),
    reused: [...tasks.values()].reduce((sum, { done, worked }) => sum + done - worked, 0),
    measures: measures.map(({ name }) => name),
    repetitions,
    seed,
    sets: results,
    skipped: onePerThing(skipped),
  };
}

function checkModels(systems: readonly SystemSpec[], o1: O1Model | undefined, encoders: readonly DenseEncoder[]) {
  for (const { name, base } of systems) {
    const missing = base.startsWith('encoder:')
      ? !encoders.some((encoder) => `encoder:${encoder.name}` === base)
      : base !== 'bm25' && !o1;
    if (missing) throw new InvalidInputError(`the system ${name} needs a model, and none was given.`);
  }
}

function autoOf(o1: O1Model, gathered: readonly GatheredSet[], instantWeight: number): O1Summary['auto'] {
  const { auto } = o1.settings.thinking;
  return auto ? { rule: auto, source: "the adapter's own" } : chooseAuto(gathered, instantWeight);
}

function summaryOf(o1: O1Model, instantWeight: number, auto: O1Summary['auto']): O1Summary {
  const { fingerprint, mode, settings } = o1;
  const { thoughts, temperature, topP, maxTokens = settings.lengths.thought } = settings.thinking;
  const thinking = { thoughts, temperature, topP, maxTokens };
  return { fingerprint, model: settings.base.model, mode, origin: settings.origin, thinking, instantWeight, auto };
}

/** A system that has no vectors is also missing among the scored ones: one word is enough. */
const onePerThing = (skipped: readonly Skipped[]): Skipped[] => [
  ...new Map(skipped.map((entry) => [entry.what, entry])).values(),
];
