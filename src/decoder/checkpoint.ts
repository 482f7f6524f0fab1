import type { DecoderConfig } from './config.js';
import type { Tokenizer } from './tokenizer.js';

/** An opened model: settings, tokenizer, and weights read on demand. Tensor names and layouts are Hugging Face's. */
export interface Checkpoint {
  readonly config: DecoderConfig;
  readonly tokenizer: Tokenizer;
  /** sha256 of the weights, as in `ModelFiles`. */
  readonly sha256: string;
  readonly names: readonly string[];
  /** `[outFeatures, inFeatures]` for a linear's weight, `[vocabulary, hidden]` for the embedding. */
  shape(name: string): readonly number[];
  /** The tensor as fp32, row-major, dequantised; a GGUF's rotary permutation of Q and K is undone. */
  read(name: string): Promise<Float32Array>;
  close(): Promise<void>;
}
