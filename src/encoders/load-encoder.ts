import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { CorruptFileError, InvalidInputError, NotFoundError, O1Error, throwIfAborted } from '../errors.js';
import { type EncoderFiles, type FetchProgress, resolveEncoder } from '../models/index.js';
import type { TextEncoder } from './text-encoder.js';
import { type Transformers, TransformersEncoder } from './transformers-encoder.js';

export interface LoadEncoderOptions {
  /** Where fetched models are kept. Default: the project's cache folder. */
  readonly cacheDir?: string;
  /** Never ask the network. Default: `O1_OFFLINE` or `HF_HUB_OFFLINE`. */
  readonly offline?: boolean;
  readonly signal?: AbortSignal;
  readonly onFetch?: (progress: FetchProgress) => void;
  /**
   * Tokens of a text that are read, with the model's own marks; the rest is cut off. Default 256, what all-MiniLM-L6-v2 was made
   * for.
   */
  readonly maxTokens?: number;
}

/**
 * Loads a transformers.js feature-extraction model: mean pooling, vectors of length 1.
 *
 * @param spec a name that the project knows (`all-minilm-l6-v2`, `paraphrase-minilm-l3-v2`), a folder, an `.onnx` file, or a
 *   Hub repository; see `resolveEncoder`.
 * @throws NotFoundError where `@huggingface/transformers`, an optional peer, is not installed, or there is no such model.
 */
export async function loadEncoder(spec: string, options: LoadEncoderOptions = {}): Promise<TextEncoder> {
  const { cacheDir, offline, signal, onFetch, maxTokens = 256 } = options;
  if (!(Number.isInteger(maxTokens) && maxTokens >= 3)) {
    throw new InvalidInputError(
      `maxTokens must be a whole number from 3 up (a token and two marks), got ${maxTokens}.`,
    );
  }
  const transformers = await importTransformers();
  const files = await resolveEncoder(spec, {
    ...(cacheDir === undefined ? {} : { cacheDir }),
    ...(offline === undefined ? {} : { offline }),
    ...(signal === undefined ? {} : { signal }),
    ...(onFetch === undefined ? {} : { onProgress: onFetch }),
  });
  throwIfAborted(signal);
  // The library looks on this disk only: the files are here, and verified.
  const local = { local_files_only: true };
  const folder = dirname(files.model);
  try {
    const tokenizer = await transformers.AutoTokenizer.from_pretrained(files.folder, local);
    const model = await transformers.AutoModel.from_pretrained(files.folder, {
      ...local,
      subfolder: folder === '.' ? '' : folder,
      // Exactly this file: with `fp32` the library adds no ending of its own.
      model_file_name: basename(files.model, '.onnx'),
      dtype: 'fp32',
    });
    const encoder = new TransformersEncoder(
      transformers,
      files,
      tokenizer,
      model,
      maxTokens,
      await fingerprintOf(files),
    );
    // Tells the dimensions, and whether it is an encoder at all.
    await encoder.embed(['a']);
    return encoder;
  } catch (cause) {
    if (cause instanceof O1Error) throw cause;
    throw new CorruptFileError(`transformers.js cannot use this model: ${(cause as Error).message}.`, {
      where: join(files.folder, files.model),
      hint: 'Expected an encoder (feature extraction) in ONNX with its tokenizer.json and config.json.',
      cause,
    });
  }
}

async function importTransformers(): Promise<Transformers> {
  try {
    return await import('@huggingface/transformers');
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND') throw cause;
    throw new NotFoundError('encoders need the package @huggingface/transformers, which is not installed.', {
      hint: 'Run: npm install @huggingface/transformers',
      cause,
    });
  }
}

async function fingerprintOf({ folder, sha256 }: EncoderFiles): Promise<string> {
  const hash = createHash('sha256').update(sha256);
  for (const file of ['tokenizer.json', 'tokenizer_config.json']) hash.update(await readFile(join(folder, file)));
  return hash.digest('hex');
}
