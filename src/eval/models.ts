import type { O1Embedder } from '../embedder/index.js';

/** The thinking embedder, as far as evaluations use it. */
export type O1Model = Pick<O1Embedder, 'settings' | 'mode' | 'fingerprint' | 'embedDocuments' | 'embedQuery'>;

/** Any other encoder of texts, without thoughts: queries and documents are embedded alike. */
export interface DenseEncoder {
  /** As systems name it: `encoder:<name>`. */
  readonly name: string;
  /** Of weights and settings: vectors of equal fingerprints may be compared. */
  readonly fingerprint: string;
  /** Unit vectors in the texts' order. */
  embed(
    texts: readonly string[],
    options?: {
      signal?: AbortSignal;
      onProgress?: (progress: { readonly done: number; readonly total: number }) => void;
    },
  ): Promise<Float32Array[]>;
}
