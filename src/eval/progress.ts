/** How far one piece of an evaluation has come. */
export interface EvaluationProgress {
  /** What is being done, e.g. `scifact: documents by smollm2-135m-instruct`. */
  readonly task: string;
  readonly unit: 'documents' | 'queries' | 'systems';
  readonly done: number;
  readonly total: number;
  /** The part of `done` that was computed now; the rest was in the cache. */
  readonly worked: number;
}

/** What every long step takes. */
export interface WorkOptions {
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: EvaluationProgress) => void) | undefined;
}
