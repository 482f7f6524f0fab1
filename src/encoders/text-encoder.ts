export interface EmbedOptions {
  /** Looked at between batches. */
  readonly signal?: AbortSignal | undefined;
  /** Texts of this call, after each batch. */
  readonly onProgress?: ((progress: { readonly done: number; readonly total: number }) => void) | undefined;
}

/** What makes texts into vectors whose inner product is their similarity. */
export interface TextEncoder {
  readonly name: string;
  /** Length of each vector. */
  readonly dimensions: number;
  /** Of weights and settings: vectors of equal fingerprints may be compared. */
  readonly fingerprint: string;
  /** Unit vectors in the texts' order. The same texts in one call give the same vectors in every run. */
  embed(texts: readonly string[], options?: EmbedOptions): Promise<Float32Array[]>;
  close(): Promise<void>;
}
