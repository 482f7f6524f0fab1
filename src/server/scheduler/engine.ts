import type { O1Embedder, O1Settings, ThinkingBatch } from '../../embedder/index.js';

/** Thoughts that are written side by side, queries joining and leaving between the steps. */
export type EngineBatch = Pick<ThinkingBatch, 'rows' | 'undecided' | 'admit' | 'decide' | 'step' | 'finish' | 'cancel'>;

/** What the scheduler needs of a model. Calls never overlap. */
export interface Engine {
  readonly fingerprint: string;
  readonly modelName: string;
  readonly dimensions: number;
  readonly settings: Pick<O1Settings, 'lengths' | 'thinking'>;
  countTokens(text: string): number;
  /** @throws InvalidInputError for an id that this model does not have. */
  decodeTokens(ids: readonly number[]): string;
  /** Unit vectors of a few documents, in one run of the model. */
  embedDocuments(texts: readonly string[]): Promise<Float32Array[]>;
  /** A new batch, with no thoughts in it. */
  thinkingBatch(): EngineBatch;
  close(): Promise<void>;
}

/** The part of {@link O1Embedder} that an engine is made of. */
export type EngineEmbedder = Pick<
  O1Embedder,
  | 'fingerprint'
  | 'dimensions'
  | 'settings'
  | 'countTokens'
  | 'decodeTokens'
  | 'embedDocuments'
  | 'thinkingBatch'
  | 'close'
>;

/** An embedder as an engine. */
export function engineOf(embedder: EngineEmbedder, { modelName }: Pick<Engine, 'modelName'>): Engine {
  return {
    modelName,
    fingerprint: embedder.fingerprint,
    dimensions: embedder.dimensions,
    settings: embedder.settings,
    countTokens: (text) => embedder.countTokens(text),
    decodeTokens: (ids) => embedder.decodeTokens(ids),
    // The scheduler has chosen what makes one run: it is not split again.
    embedDocuments: (texts) => embedder.embedDocuments(texts, { maxBatchTokens: Number.MAX_SAFE_INTEGER }),
    thinkingBatch: () => embedder.thinkingBatch(),
    close: () => embedder.close(),
  };
}
