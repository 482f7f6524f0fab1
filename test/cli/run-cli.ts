import type { CliContext } from '../../src/cli/context.js';
import { run } from '../../src/cli/run.js';

/** A context that writes nowhere and loads nothing, unless it is told otherwise. */
export function testContext(context: Partial<CliContext> = {}): CliContext {
  return {
    stdout: { write() {} },
    stderr: { write() {} },
    signal: new AbortController().signal,
    environment: {},
    loadEmbedder: () => Promise.reject(new Error('this test loads no embedder')),
    ...context,
  };
}

export interface CliResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a command line in this process, with its streams in strings. */
export async function runCli(args: readonly string[], context: Partial<CliContext> = {}): Promise<CliResult> {
  const written = { stdout: '', stderr: '' };
  const into = (name: keyof typeof written) => ({
    write(text: string) {
      written[name] += text;
    },
  });
  const code = await run(args, testContext({ stdout: into('stdout'), stderr: into('stderr'), ...context }));
  return { code, ...written };
}
