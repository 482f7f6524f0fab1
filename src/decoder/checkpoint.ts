import type { ModelFiles } from '../models/index.js';
import { openGgufCheckpoint } from './checkpoint-gguf.js';
import { openSafetensorsCheckpoint } from './checkpoint-safetensors.js';
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

/**
 * Opens a model's files: reads settings and tokenizer, and checks that every tensor the settings ask for is there, in its
 * shape and in a readable format, and no other. Weights stay on disk until `read`. Close the checkpoint after use.
 *
 * Throws CorruptFileError, InvalidInputError (a feature that the decoder does not have) or NotFoundError, naming file and field.
 */
export function openCheckpoint(files: ModelFiles): Promise<Checkpoint> {
  return files.format === 'gguf' ? openGgufCheckpoint(files.path, files.sha256) : openSafetensorsCheckpoint(files);
}
