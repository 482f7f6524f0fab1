/** What the decoder must know of a Llama-family model. Names follow the field; values come from `config.json` or GGUF metadata. */
export interface DecoderConfig {
  readonly family: 'llama' | 'mistral' | 'qwen2' | 'qwen3';
  readonly hiddenSize: number;
  readonly intermediateSize: number;
  readonly layers: number;
  readonly heads: number;
  readonly keyValueHeads: number;
  readonly headSize: number;
  readonly vocabularySize: number;
  readonly maxPositions: number;
  readonly rmsNormEpsilon: number;
  readonly ropeTheta: number;
  /** Context extension of the rotary embedding, where the model has one. */
  readonly ropeScaling: RopeScaling | undefined;
  /** The LM head is the token embedding. */
  readonly tiedEmbeddings: boolean;
  /** Query, key and value projections have a bias (Qwen2). */
  readonly attentionBias: boolean;
  /** Queries and keys are RMS-normalised per head before the rotation (Qwen3). */
  readonly queryKeyNorm: boolean;
  /** Each token attends to at most this many latest tokens, itself included (Mistral). */
  readonly slidingWindow: number | undefined;
}

export type RopeScaling =
  | { readonly type: 'linear'; readonly factor: number }
  | {
      readonly type: 'llama3';
      readonly factor: number;
      readonly lowFrequencyFactor: number;
      readonly highFrequencyFactor: number;
      readonly originalMaxPositions: number;
    };
