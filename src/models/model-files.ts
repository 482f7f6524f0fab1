/** The verified local files of one model. `sha256` is over the weights (for several files: over their hashes in order). */
export type ModelFiles =
  | {
      readonly format: 'gguf';
      readonly name: string;
      /** The one file: weights, settings and tokenizer. */
      readonly path: string;
      readonly sha256: string;
    }
  | {
      readonly format: 'safetensors';
      readonly name: string;
      /** `config.json` */
      readonly config: string;
      /** `tokenizer.json` */
      readonly tokenizer: string;
      /** `tokenizer_config.json`, where the model has one. */
      readonly tokenizerConfig?: string;
      /** The `.safetensors` files, all shards. */
      readonly weights: readonly string[];
      readonly sha256: string;
    };
