import { createHash } from 'node:crypto';
import { rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { crashPoint } from '../crash-point.js';
import type { O1Settings } from '../embedder/index.js';
import { writeAtomically } from '../write-atomically.js';
import { chooseThinking, type ThinkingChoice } from './choose-thinking.js';
import { curvesPage } from './curves-page.js';
import { runFiles, type TrainingRun } from './loop.js';
import { readMetrics } from './metrics-log.js';
import { loadAdapterWeights, loadTrained, saveAdapter, saveSettings } from './save-adapter.js';
import { takesPart } from './stage-config.js';
import { together } from './validation.js';

export interface TrainReport {
  /** The adapter folder. */
  readonly folder: string;
  readonly steps: number;
  readonly tokens: number;
  /** nDCG@10 of the kept weights' instant vectors on the development splits, mean over sets. */
  readonly instantNdcg10: number | undefined;
  readonly settings: O1Settings;
}

/** Saves the adapter and clears the state away. */
export async function finishRun(run: TrainingRun): Promise<TrainReport> {
  const { recipe, data, base, settings, threads, output, progress, state } = run;
  const files = runFiles(output);
  const { best, validated, totalSteps: steps, tokens } = progress;
  const keepBest = recipe.validation?.keep === 'best' && best !== undefined;
  if (keepBest) await loadAdapterWeights(files.best, state.parameters);
  const instantNdcg10 = (keepBest ? best : validated)?.ndcg10;
  const [set] = data.sets;
  const [example] = set!.examples;
  const { rank, alpha } = recipe.lora;
  const saved = await saveAdapter(
    output,
    state.parameters,
    {
      rank,
      alpha,
      settings: {
        ...settings,
        training: {
          recipe: createHash('sha256').update(JSON.stringify(run.header.inputs)).digest('hex').slice(0, 16),
          queries: trainedQueries(run),
          steps,
          tokens,
          ...(instantNdcg10 === undefined ? {} : { instantNdcg10 }),
        },
      },
    },
    base,
    {
      threads,
      selfTest: [
        { kind: 'query', text: example!.text },
        { kind: 'document', text: set!.documents[example!.positive]!.text },
      ],
    },
  );
  const thinking = await tryThinking(run);
  if (thinking) {
    saved.thinking = thinking;
    await saveSettings(output, saved);
  }
  await writeAtomically(
    join(output, 'curves.html'),
    await curvesPage(recipe.description, await readMetrics(files.metrics)),
  );
  // Moved away first: half of a state must not be taken for one.
  const left = `${files.state}.finished`;
  crashPoint('train-saved');
  await rename(files.state, left);
  await rm(left, { recursive: true });
  return { folder: output, steps, tokens, instantNdcg10, settings: saved };
}

/** Queries that some stage trains on. One that stands in two sets of the same folder and split counts once. */
const trainedQueries = ({ recipe, data }: TrainingRun): number =>
  new Set(
    recipe.data.flatMap(({ name, folder, split }, i) =>
      recipe.stages.some((stage) => takesPart(stage, name))
        ? data.sets[i]!.examples.map(({ id }) => JSON.stringify([folder, split, id]))
        : [],
    ),
  ).size;

/** The best way to think on the development splits, if the recipe names some to try. */
async function tryThinking(run: TrainingRun): Promise<ThinkingChoice | undefined> {
  const { recipe, base, threads, validation, output, progress, signal } = run;
  const ways = recipe.validation?.thinking ?? [];
  if (validation.length === 0 || ways.length === 0) return undefined;
  const dev = together(validation);
  const start = performance.now();
  const embedder = await loadTrained(output, base, { mode: 'int8', threads });
  try {
    const { choice, figures } = await chooseThinking(embedder, dev, dev.documents, ways, signal);
    const seconds = (performance.now() - start) / 1000 / figures.length;
    const stage = recipe.stages.at(-1)!.name;
    for (const figure of figures) {
      await run.metrics.append({ type: 'thinking', step: progress.totalSteps, stage, ...figure, seconds });
    }
    run.emit({ type: 'thinking', figures });
    return choice;
  } finally {
    await embedder.close();
  }
}
