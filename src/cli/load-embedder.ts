import type { NumericMode } from '../decoder/index.js';
import type { FetchProgress } from '../models/index.js';
import type { CliContext, CliEmbedder } from './context.js';
import { formatMilliseconds } from './format.js';
import { byteCount, type ProgressOutput, startTask, type Task } from './progress.js';

/** Options that every command with a model takes. */
export interface ModelOptions {
  readonly model?: string;
  readonly adapter?: string;
  readonly mode?: NumericMode;
  readonly offline?: boolean;
}

/** Loads the embedder, shows that it does, hands it to `work` and closes it afterwards. */
export async function withEmbedder<T>(
  context: CliContext,
  options: ModelOptions,
  work: (embedder: CliEmbedder) => Promise<T>,
): Promise<T> {
  const { model, adapter, mode, offline } = options;
  const fetching = fetchReporter(context.stderr);
  const start = performance.now();
  context.stderr.write('Loading the model …\n');
  let embedder: CliEmbedder;
  try {
    embedder = await context.loadEmbedder({
      model,
      adapter,
      mode,
      offline,
      signal: context.signal,
      onFetch: fetching.onProgress,
    });
  } finally {
    fetching.stop();
  }
  context.stderr.write(`Loaded ${embedder.fingerprint} in ${formatMilliseconds(performance.now() - start)}.\n`);
  try {
    return await work(embedder);
  } finally {
    await embedder.close();
  }
}

const PHASES: Record<FetchProgress['phase'], string> = { fetch: 'fetching', verify: 'checking', unpack: 'unpacking' };

/** Shows the fetching of a model's files, one task for each file and phase. */
export function fetchReporter(output: ProgressOutput) {
  let label = '';
  let task: Task | undefined;
  return {
    onProgress({ phase, file, receivedBytes, totalBytes }: FetchProgress): void {
      const now = `${PHASES[phase]} ${file}`;
      if (now !== label) {
        task?.stop();
        label = now;
        task = startTask(output, label, byteCount);
      }
      task!.update({ done: receivedBytes, total: totalBytes });
    },
    stop: () => task?.stop(),
  };
}
