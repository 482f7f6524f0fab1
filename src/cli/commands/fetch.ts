import { resolveModel } from '../../models/index.js';
import type { CliContext } from '../context.js';
import { fetchReporter } from '../load-embedder.js';

export interface FetchOptions {
  readonly offline?: boolean;
  readonly json?: boolean;
}

/** Fetches a model and says where it is. */
export async function fetchCommand(context: CliContext, model: string, options: FetchOptions): Promise<void> {
  const reporter = fetchReporter(context.stderr);
  const { offline } = options;
  const files = await resolveModel(model, {
    ...(offline === undefined ? {} : { offline }),
    signal: context.signal,
    onProgress: reporter.onProgress,
  }).finally(reporter.stop);
  if (options.json) {
    context.stdout.write(`${JSON.stringify(files)}\n`);
    return;
  }
  const paths = files.format === 'gguf' ? [files.path] : [files.config, files.tokenizer, ...files.weights];
  context.stdout.write(`${files.name} (${files.format}, sha256 ${files.sha256})\n`);
  for (const path of paths) context.stdout.write(`${path}\n`);
}
