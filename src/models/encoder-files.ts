import { InvalidInputError, NotFoundError } from '../errors.js';

/** The verified local files of an encoder in ONNX. */
export interface EncoderFiles {
  readonly name: string;
  /** Holds `config.json`, `tokenizer.json` and `tokenizer_config.json`. */
  readonly folder: string;
  /** The ONNX file, relative to `folder`, with `/`. */
  readonly model: string;
  /** Over the ONNX file (with its external data, if any: over their hashes in order). */
  readonly sha256: string;
}

/** Which of a folder's or repository's files make the encoder; relative paths with `/`, the ONNX file first among the weights. */
export interface OnnxSelection {
  readonly format: 'onnx';
  readonly config: string;
  readonly tokenizer: string;
  readonly tokenizerConfig: string;
  readonly weights: readonly string[];
}

/**
 * Where an ONNX file is looked for when none is named, in this order: transformers.js' own layout first, full precision before
 * int8, because a committee's scores should be as exact as the model allows.
 */
const USUAL_PLACES = ['onnx/model.onnx', 'model.onnx', 'onnx/model_quantized.onnx', 'model_quantized.onnx'];

/**
 * Chooses the encoder's files.
 *
 * @param names all files there, relative paths with `/`
 * @param file the ONNX file that was named
 * @param where the folder or repository, for errors
 */
export function selectOnnx(names: readonly string[], file: string | undefined, where: string): OnnxSelection {
  for (const required of ['config.json', 'tokenizer.json', 'tokenizer_config.json']) {
    if (!names.includes(required)) {
      throw new NotFoundError(`expected ${required}, it is missing.`, {
        where,
        hint: 'An encoder is a folder with config.json, tokenizer.json, tokenizer_config.json and onnx/model.onnx.',
      });
    }
  }
  const model = file ?? USUAL_PLACES.find((place) => names.includes(place));
  if (model === undefined) {
    const found = names.filter((name) => name.toLowerCase().endsWith('.onnx'));
    if (found.length === 0) {
      throw new NotFoundError('expected an ONNX model, there is none.', {
        where,
        hint: 'Look for a repository whose library is transformers.js, or export the model with Optimum.',
      });
    }
    throw new InvalidInputError(`expected one of ${USUAL_PLACES.join(', ')}; there are ${found.join(', ')}.`, {
      where,
      hint: 'Name the file: owner/name:file.onnx for a repository, its path on this machine.',
    });
  }
  // `model.onnx_data`, `model.onnx_data_1`, ...: weights beside a graph that would be over protobuf's 2 GiB.
  const external = names.filter((name) => name.startsWith(`${model}_data`)).sort();
  return {
    format: 'onnx',
    config: 'config.json',
    tokenizer: 'tokenizer.json',
    tokenizerConfig: 'tokenizer_config.json',
    weights: [model, ...external],
  };
}
