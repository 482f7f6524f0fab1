import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { loadEncoder, type TextEncoder } from '../../encoders/index.js';
import { InvalidInputError, O1Error } from '../../errors.js';
import {
  CATALOGUE,
  type DenseEncoder,
  defaultSystems,
  type Evaluation,
  type EvaluationProgress,
  type EvaluationSet,
  estimateSeconds,
  evaluate,
  evaluationMarkdown,
  loadEvaluationSet,
  parseSystems,
  type Skipped,
  SUITES,
  writeReport,
} from '../../eval/index.js';
import { formatTrecRun, type Run } from '../../metrics/index.js';
import { cacheFolder } from '../../models/index.js';
import { writeAtomically } from '../../write-atomically.js';
import type { CliContext, CliEmbedder } from '../context.js';
import { formatCount, formatSeconds } from '../format.js';
import { fetchReporter, type ModelOptions, withEmbedder } from '../load-embedder.js';
import { counted, startTask, type Task } from '../progress.js';

export interface EvalOptions extends ModelOptions {
  readonly suite?: string;
  readonly data: readonly string[];
  readonly listData?: boolean;
  readonly systems?: readonly string[];
  readonly measures?: readonly string[];
  readonly output: string;
  readonly runs?: boolean;
  readonly seed: number;
  readonly json?: boolean;
}

/** The encoder that is compared with where nobody names one. */
const DEFAULT_ENCODER = 'all-minilm-l6-v2';

/** Measures systems on data sets, prints the tables and writes the report. */
export async function evalCommand(context: CliContext, options: EvalOptions): Promise<void> {
  if (options.listData) return context.stdout.write(catalogueList()) as undefined;
  const start = performance.now();
  const wanted = options.systems ?? defaultSystems([DEFAULT_ENCODER]);
  // A wrong name is said before anything is loaded.
  parseSystems(wanted);
  const sets = await loadSets(options);
  const { encoders, skipped } = await loadEncoders(context, options, wanted);
  try {
    const systems = wanted.filter((name) => !skipped.some(({ what }) => what === name));
    const run = (o1?: CliEmbedder) => measure(context, options, { sets, systems, encoders, o1 });
    const needsO1 = systems.some((name) => name.startsWith('o1:'));
    const found = needsO1 ? await withEmbedder(context, options, run) : await run();
    const evaluation: Evaluation = { ...found, skipped: [...skipped, ...found.skipped] };
    const files = await writeReport(options.output, evaluation);
    context.stdout.write(options.json ? `${JSON.stringify(evaluation)}\n` : evaluationMarkdown(evaluation));
    const seconds = (performance.now() - start) / 1000;
    context.stderr.write(`Took ${formatSeconds(seconds)}. Wrote ${files.join(', ')}.\n`);
  } finally {
    for (const { encoder } of encoders) await encoder.close();
  }
}

interface Parts {
  readonly sets: readonly EvaluationSet[];
  readonly systems: readonly string[];
  readonly encoders: readonly LoadedEncoder[];
  readonly o1: CliEmbedder | undefined;
}

async function measure(context: CliContext, options: EvalOptions, { sets, systems, encoders, o1 }: Parts) {
  const estimate = estimateSeconds(sets, systems, o1?.settings);
  context.stderr.write(
    `About ${formatSeconds(estimate)} on two quiet cores where nothing is cached. A run that is stopped goes on with the same command.\n`,
  );
  const progress = taskReporter(context);
  const runs = join(options.output, 'runs');
  if (options.runs) await mkdir(runs, { recursive: true });
  const onRun = async (set: string, system: string, run: Run) => {
    const name = `${set}.${system.replace(/[^\w+.-]/g, '-')}`;
    await writeAtomically(join(runs, `${name}.trec`), formatTrecRun(run, system));
  };
  try {
    return await evaluate({
      ...{ sets, systems, o1, seed: options.seed, signal: context.signal },
      encoders: encoders.map(({ dense }) => dense),
      cache: join(cacheFolder(context.environment), 'eval'),
      ...(options.measures ? { measures: options.measures } : {}),
      onProgress: progress.onProgress,
      onRun: options.runs ? onRun : undefined,
    });
  } finally {
    progress.stop();
  }
}

async function loadSets({ suite, data }: EvalOptions): Promise<EvaluationSet[]> {
  const names = suite === undefined && data.length > 0 ? [] : SUITES[suite ?? 'small']!;
  const sets: EvaluationSet[] = [];
  for (const text of [...names, ...data]) {
    const [, name, folder] = /^([^=]+)(?:=(.+))?$/.exec(text) ?? [];
    if (name === undefined) throw new InvalidInputError(`--data: expected NAME or NAME=FOLDER, got "${text}".`);
    if (sets.some((set) => set.name === name)) throw new InvalidInputError(`--data: "${name}" is named twice.`);
    sets.push(await loadEvaluationSet(name, folder));
  }
  return sets;
}

interface LoadedEncoder {
  readonly encoder: TextEncoder;
  readonly dense: DenseEncoder;
}

/** The encoders of the systems. One that nobody named and that cannot be had is left out, and said to be. */
async function loadEncoders(context: CliContext, options: EvalOptions, systems: readonly string[]) {
  const encoders: LoadedEncoder[] = [];
  const skipped: Skipped[] = [];
  const specs = new Set(parseSystems(systems).flatMap(({ base }) => /^encoder:(.+)$/.exec(base)?.[1] ?? []));
  for (const spec of specs) {
    const fetching = fetchReporter(context.stderr);
    try {
      const { offline } = options;
      const encoder = await loadEncoder(spec, {
        ...(offline === undefined ? {} : { offline }),
        cacheDir: cacheFolder(context.environment),
        signal: context.signal,
        onFetch: fetching.onProgress,
      });
      const embed: DenseEncoder['embed'] = (texts, embedOptions) => encoder.embed(texts, embedOptions);
      encoders.push({ encoder, dense: { name: spec, fingerprint: encoder.fingerprint, embed } });
    } catch (error) {
      if (options.systems || !(error instanceof O1Error)) throw error;
      context.stderr.write(`Not measured: encoder:${spec}. ${error.message}\n`);
      for (const ending of ['', '+bm25']) skipped.push({ what: `encoder:${spec}${ending}`, why: error.message });
    } finally {
      fetching.stop();
    }
  }
  return { encoders, skipped };
}

/** One line of progress for each task. */
function taskReporter({ stderr }: CliContext) {
  let label = '';
  let task: Task | undefined;
  return {
    onProgress({ task: name, unit, done, total, worked }: EvaluationProgress): void {
      if (name !== label) {
        task?.stop();
        label = name;
        task = startTask(stderr, name, counted(unit));
      }
      task!.update({ done, total, worked });
    },
    stop: () => task?.stop(),
  };
}

function catalogueList(): string {
  return CATALOGUE.map(
    ({ name, title, split, counts, source }) =>
      `${name}: ${title}, split ${split}; ${formatCount(counts.documents)} documents, ${formatCount(counts.queries)} queries, ` +
      `${formatCount(counts.judgements)} judgements\n    ${source}\n`,
  ).join('');
}
