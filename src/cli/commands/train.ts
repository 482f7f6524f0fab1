import { resolve } from 'node:path';
import { openCheckpoint } from '../../decoder/index.js';
import { resolveModel } from '../../models/index.js';
import { type Recipe, readRecipe, type TrainEvent, train } from '../../train/index.js';
import type { CliContext } from '../context.js';
import { formatCount, formatScore, formatSeconds, plural } from '../format.js';
import { fetchReporter } from '../load-embedder.js';
import { counted, type ProgressOutput, startTask, type Task, type Unit } from '../progress.js';

export interface TrainCommandOptions {
  readonly config: string;
  readonly output?: string;
  readonly resume?: boolean;
  readonly seed?: number;
  readonly batch?: number;
  readonly learningRate?: number;
  readonly maxTokens?: number;
  readonly threads?: number;
  readonly offline?: boolean;
  readonly json?: boolean;
}

/** Trains an adapter by a recipe. */
export async function trainCommand(context: CliContext, options: TrainCommandOptions): Promise<void> {
  const recipe = withFlags(await readRecipe(options.config), options);
  const output = resolve(options.output ?? 'adapter');
  const fetching = fetchReporter(context.stderr);
  const files = await resolveModel(recipe.base.model, {
    ...(options.offline === undefined ? {} : { offline: options.offline }),
    signal: context.signal,
    onProgress: fetching.onProgress,
  }).finally(() => fetching.stop());
  const base = await openCheckpoint(files);
  const reporter = trainReporter(context.stderr, recipe);
  try {
    const start = performance.now();
    const { signal } = context;
    const { resume, threads } = options;
    const report = await train(recipe, base, { output, resume, threads, signal, onEvent: reporter.onEvent });
    reporter.stop();
    const { folder, steps, tokens, instantNdcg10 } = report;
    const seconds = (performance.now() - start) / 1000;
    if (options.json) {
      context.stdout.write(`${JSON.stringify({ adapter: folder, steps, tokens, instantNdcg10, seconds })}\n`);
    } else {
      const score = instantNdcg10 === undefined ? '' : `, nDCG@10 ${formatScore(instantNdcg10)} on dev (instant)`;
      context.stdout.write(
        `${folder}: ${formatCount(steps)} steps, ${formatCount(tokens)} tokens${score}. Took ${formatSeconds(seconds)}.\n`,
      );
    }
  } finally {
    reporter.stop();
    await base.close();
  }
}

/** The recipe with what the flags say instead; batch and learning rate hold for every stage. */
function withFlags(recipe: Recipe, { seed, batch, learningRate, maxTokens }: TrainCommandOptions): Recipe {
  return {
    ...recipe,
    seed: seed ?? recipe.seed,
    maxTokens: maxTokens ?? recipe.maxTokens,
    stages: recipe.stages.map((stage) => ({
      ...stage,
      batch: batch ?? stage.batch,
      learningRate: learningRate ?? stage.learningRate,
    })),
  };
}

/** Shows a run: what comes, and a bar with the last step's loss parts, tokens a second and the time left. */
function trainReporter(output: ProgressOutput, recipe: Recipe) {
  let task: Task | undefined;
  let label = '';
  let words = '';
  let tokensBefore: number | undefined;
  const training: Unit = { ...counted('tokens'), amount: () => words };
  const show = (name: string, unit: Unit) => {
    if (label !== name) {
      task?.stop();
      task = startTask(output, name, unit);
      label = name;
    }
    return task!;
  };
  const say = (text: string) => {
    task?.stop();
    label = '';
    output.write(`${text}\n`);
  };
  return {
    stop() {
      task?.stop();
      task = undefined;
    },
    onEvent(event: TrainEvent): void {
      switch (event.type) {
        case 'warning':
          say(`Warning: ${event.message}.`);
          break;
        case 'resumed':
          say(`Going on after step ${formatCount(event.steps)}.`);
          break;
        case 'estimate':
          say(
            `${formatCount(event.steps)} steps, ${formatCount(event.tokens)} tokens at ${formatCount(event.tokensPerSecond)} tokens/s: about ${formatSeconds(event.seconds)}.`,
          );
          break;
        case 'stage':
          say(`Stage ${event.index + 1} of ${recipe.stages.length}, ${event.name}: ${formatCount(event.steps)} steps.`);
          break;
        case 'thoughts':
          show('writing thoughts', counted('queries')).update(event);
          break;
        case 'validation': {
          const { step, instantNdcg10, sets } = event.record;
          const each = Object.entries(sets).map(([name, value]) => `${name} ${formatScore(value)}`);
          const parts = each.length > 1 ? `; ${each.join(', ')}` : '';
          say(`After step ${formatCount(step)}: nDCG@10 ${formatScore(instantNdcg10)} (instant, dev${parts}).`);
          break;
        }
        case 'thinking':
          for (const { thoughts, temperature, maxTokens, instantWeight, ndcg10 } of event.figures) {
            const share = instantWeight === 0 ? '' : `, instant weight ${instantWeight}`;
            const length = maxTokens === undefined ? '' : ` of at most ${maxTokens} tokens`;
            const written = `${plural(thoughts, 'thought')}${length} at temperature ${temperature}${share}`;
            const way = thoughts === 0 ? 'instant' : written;
            say(`With the adapter, ${way}: nDCG@10 ${formatScore(ndcg10)} (dev).`);
          }
          break;
        case 'step': {
          const { record, totalSteps, tokens, totalTokens } = event;
          const part = (name: string, value: number | undefined) =>
            value === undefined ? '' : `, ${name} ${value.toFixed(3)}`;
          words =
            `step ${formatCount(record.step)} of ${formatCount(totalSteps)}, loss ${record.loss.toFixed(3)}` +
            `${part('instant', record.instant)}${part('thought', record.thought)}` +
            `${part('committee', record.distillation)}${part('cloning', record.generation)}${part('corpus', record.corpus)}`;
          tokensBefore ??= tokens - record.tokens;
          show('training', training).update({
            done: tokens,
            total: totalTokens,
            worked: tokens - tokensBefore,
          });
          break;
        }
      }
    },
  };
}
