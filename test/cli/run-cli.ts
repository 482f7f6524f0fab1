import type { CliContext } from '../../src/cli/context.js';
import { run } from '../../src/cli/run.js';

export interface CliResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a command line in this process, with its streams in strings. Nothing is loaded unless the context says how. */
export async function runCli(args: readonly string[], context: Partial<CliContext> = {}): Promise<CliResult> {
  let [stdout, stderr] = ['', ''];
  const code = await run(args, {
    stdout: {
      write(text) {
        stdout += text;
      },
    },
    stderr: {
      write(text) {
        stderr += text;
      },
    },
    signal: new AbortController().signal,
    environment: {},
    loadEmbedder: async () => {
      throw new Error('this test loads no embedder');
    },
    ...context,
  });
  return { code, stdout, stderr };
}
