import type { LoadOptions, O1Embedder } from '../embedder/index.js';
import type { ProgressOutput } from './progress.js';

/** What the commands need of an embedder. */
export type CliEmbedder = Pick<
  O1Embedder,
  | 'settings'
  | 'mode'
  | 'dimensions'
  | 'fingerprint'
  | 'countTokens'
  | 'embedDocuments'
  | 'embedQuery'
  | 'embedQueries'
  | 'streamQuery'
  | 'close'
>;

/** All that the commands have of the world outside, so that tests can run them in their own process. */
export interface CliContext {
  /** Results, and nothing else. */
  readonly stdout: { write(text: string): unknown };
  /** Progress, remarks and errors. */
  readonly stderr: ProgressOutput;
  /** Aborted by Ctrl-C, with an {@link Interrupted} as its reason. */
  readonly signal: AbortSignal;
  readonly environment: NodeJS.ProcessEnv;
  /** Loads the embedder; a test gives a fake. */
  readonly loadEmbedder: (options: LoadOptions) => Promise<CliEmbedder>;
}

/** The user stopped the program. */
export class Interrupted extends Error {
  /** 128 and the number of the signal, as shells have it. */
  readonly exitCode: number;

  constructor(signal: 'SIGINT' | 'SIGTERM') {
    super(`stopped by ${signal}`);
    this.name = 'Interrupted';
    this.exitCode = signal === 'SIGINT' ? 130 : 143;
  }
}
