/** Whether texts are searched for or searched in: the two are embedded differently. */
export type InputType = 'query' | 'document';

/** Whether the model writes a thought about a query before it embeds it. */
export type Think = 'never' | 'always' | 'auto';

export interface EmbeddingRequest {
  readonly inputType: InputType;
  /** For queries only. Default `never`. */
  readonly think?: Think | undefined;
  /** The model's name, where the source has a choice. */
  readonly model?: string | undefined;
  /** Headers beside the source's own, where there are any. */
  readonly headers?: Readonly<Record<string, string | undefined>> | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface EmbeddingResult {
  /** Unit vectors in the texts' order. */
  readonly vectors: readonly Float32Array[];
  /** Tokens of all texts. */
  readonly tokens: number;
}

/** Where a client has its vectors from: a server, or an embedder in this process. */
export interface EmbeddingSource {
  embed(texts: readonly string[], request: EmbeddingRequest): Promise<EmbeddingResult>;
}
