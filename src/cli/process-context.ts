import { type CliContext, Interrupted } from './context.js';

/** The real outside world: the process's streams and signals. */
export function processContext(): CliContext {
  endQuietlyWhenNobodyReads();
  return {
    stdout: process.stdout,
    stderr: process.stderr,
    signal: stopSignal(),
    environment: process.env,
    // Only now, so that `--help` does not wait for the model's libraries.
    loadEmbedder: async (options) => (await import('../embedder/index.js')).O1Embedder.load(options),
  };
}

/** The first Ctrl-C lets the work stop at a safe point; the second ends the process at once. */
function stopSignal(): AbortSignal {
  const controller = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM'] as const) {
    process.on(name, () => {
      const interrupted = new Interrupted(name);
      if (controller.signal.aborted) process.exit(interrupted.exitCode);
      controller.abort(interrupted);
    });
  }
  return controller.signal;
}

/** `o1-embedder … | head` closes the pipe when it has seen enough: that is no error. */
function endQuietlyWhenNobodyReads(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EPIPE') process.exit(0);
      throw error;
    });
  }
}
