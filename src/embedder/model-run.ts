import { throwIfAborted } from '../errors.js';

/** One run of the model, and nothing else: no waiting, no cutting into tokens, no drawing of the next token. */
export interface ModelRun {
  /** `documents`: whole documents. `prompts`: queries, with a given thought or without. `step`: a token more of each thought. */
  readonly kind: 'documents' | 'prompts' | 'step';
  readonly milliseconds: number;
}

export type OnRun = (run: ModelRun) => void;

/**
 * Makes a run and tells how long it took, even if it failed. Where `signal` has been aborted there is no run: nothing is told.
 */
export async function timed<T>(
  kind: ModelRun['kind'],
  { onRun, signal }: { readonly onRun: OnRun | undefined; readonly signal: AbortSignal | undefined },
  run: () => Promise<T>,
): Promise<T> {
  throwIfAborted(signal);
  const start = performance.now();
  try {
    return await run();
  } finally {
    onRun?.({ kind, milliseconds: performance.now() - start });
  }
}
