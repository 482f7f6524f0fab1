/** One run of the model, and nothing else: no waiting, no cutting into tokens, no drawing of the next token. */
export interface ModelRun {
  /** `documents`: whole documents. `prompts`: queries, with a given thought or without. `step`: a token more of each thought. */
  readonly kind: 'documents' | 'prompts' | 'step';
  readonly milliseconds: number;
}

export type OnRun = (run: ModelRun) => void;

/** Makes a run and tells how long it took, even if it failed. */
export async function timed<T>(kind: ModelRun['kind'], onRun: OnRun | undefined, run: () => Promise<T>): Promise<T> {
  const start = performance.now();
  try {
    return await run();
  } finally {
    onRun?.({ kind, milliseconds: performance.now() - start });
  }
}
