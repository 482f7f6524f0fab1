import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { hashIntegers } from '../decoder/index.js';
import { MismatchError } from '../errors.js';
import { runFiles, type TrainingRun } from './loop.js';
import { writeOwnThoughts } from './own-thoughts.js';
import { loadTrained, saveAdapter } from './save-adapter.js';
import { allExamples, type TrainingExample } from './training-data.js';

/** What the model writes about the training queries before the coming stage, if the stage asks for it. */
export async function ownThoughtsOfStage(
  run: TrainingRun,
): Promise<ReadonlyMap<TrainingExample, readonly (readonly number[])[]> | undefined> {
  const { recipe, data, base, settings, threads, progress, output, state, emit, signal } = run;
  const stage = recipe.stages[progress.stage]!;
  if (!stage.ownThoughts) return undefined;
  const folder = join(runFiles(output).state, `stage-${progress.stage}`);
  await mkdir(folder, { recursive: true });
  const path = join(folder, 'own-thoughts.jsonl');
  const start = performance.now();
  const examples = allExamples(data, stage);
  const own = await writeOwnThoughts(
    async () => {
      if (progress.step > 0) {
        throw new MismatchError('the thoughts of the stage under way are not all there', {
          where: path,
          hint: 'They were written by weights that are gone: start another run.',
        });
      }
      const { rank, alpha } = recipe.lora;
      await saveAdapter(folder, state.parameters, { rank, alpha, settings }, base);
      return loadTrained(folder, base, { mode: 'int8', threads });
    },
    {
      path,
      queries: examples,
      settings: stage.ownThoughts,
      seed: hashIntegers([recipe.seed, progress.stage]),
      signal,
      onProgress: (done) => emit({ type: 'thoughts', stage: stage.name, ...done }),
    },
  );
  const byExample = new Map(examples.map((example, i) => [example, own[i]!]));
  if (progress.step > 0) return byExample;
  const lengths = own.flat().map(({ length }) => length);
  await run.metrics.append({
    type: 'thoughts',
    step: progress.totalSteps,
    stage: stage.name,
    queries: own.length,
    meanTokens: lengths.reduce((sum, length) => sum + length, 0) / lengths.length,
    seconds: (performance.now() - start) / 1000,
  });
  return byExample;
}
