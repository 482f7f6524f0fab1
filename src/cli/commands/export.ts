import { resolve } from 'node:path';
import { openCheckpoint } from '../../decoder/index.js';
import { openAdapter } from '../../embedder/index.js';
import { resolveModel } from '../../models/index.js';
import type { CliContext } from '../context.js';
import { writeModel } from '../export/write-model.js';
import { fetchReporter, type ModelOptions } from '../load-embedder.js';
import { counted, startTask } from '../progress.js';

export interface ExportOptions extends Omit<ModelOptions, 'mode'> {
  readonly dtype: 'fp16' | 'fp32';
  readonly json?: boolean;
}

/** Writes the base model with the adapter merged in. */
export async function exportCommand(context: CliContext, folder: string, options: ExportOptions): Promise<void> {
  const { signal } = context;
  const { dtype, offline } = options;
  const adapter = await openAdapter(options.adapter);
  const reporter = fetchReporter(context.stderr);
  const files = await resolveModel(options.model ?? adapter.settings.base.model, {
    ...(offline === undefined ? {} : { offline }),
    signal,
    onProgress: reporter.onProgress,
  }).finally(reporter.stop);
  const checkpoint = await openCheckpoint(files);
  const task = startTask(context.stderr, 'writing', counted('tensors'));
  try {
    const weights = await adapter.merged(checkpoint);
    try {
      const model = { files, checkpoint, weights, settings: adapter.settings };
      const written = await writeModel(folder, model, { dtype, signal, onProgress: (update) => task.update(update) });
      const home = resolve(folder);
      if (options.json) context.stdout.write(`${JSON.stringify({ folder: home, files: written, dtype })}\n`);
      else context.stdout.write(`${home}: ${written.join(', ')}\n`);
    } finally {
      await weights.close();
    }
  } finally {
    task.stop();
    await checkpoint.close();
  }
}
