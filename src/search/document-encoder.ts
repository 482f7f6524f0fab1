/** How far an encoder has come with the texts of one call. */
export interface EncodingProgress {
  readonly done: number;
  readonly total: number;
  /** Tokens encoded so far. */
  readonly tokens: number;
}

/** What makes documents into vectors. Search knows no model behind it. */
export interface DocumentEncoder {
  /** Model, adapter, numeric mode and sequence version: vectors of different fingerprints cannot be compared. */
  readonly fingerprint: string;
  /** Length of each vector. */
  readonly dimensions: number;
  /** One vector a text, in the order of the texts. */
  embedDocuments(
    texts: readonly string[],
    options?: { readonly signal?: AbortSignal; readonly onProgress?: (progress: EncodingProgress) => void },
  ): Promise<Float32Array[]>;
}

/** What an index must know of the encoder that fills it. */
export type EncoderIdentity = Pick<DocumentEncoder, 'fingerprint' | 'dimensions'>;
