import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { batchByLength } from '../batch-by-length.js';
import { CorruptFileError, InvalidInputError, NotFoundError, O1Error, throwIfAborted } from '../errors.js';
import { type EncoderFiles, type FetchProgress, resolveEncoder } from '../models/index.js';
import type { EmbedOptions, TextEncoder } from './text-encoder.js';
import { meanPool } from './vectors.js';

type Transformers = typeof import('@huggingface/transformers');
type Model = Awaited<ReturnType<Transformers['AutoModel']['from_pretrained']>>;
type Tokenizer = Awaited<ReturnType<Transformers['AutoTokenizer']['from_pretrained']>>;
type Tensor = InstanceType<Transformers['Tensor']>;

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
 * Tokens of a batch, padding included. A small batch keeps its activations in the processor's cache, and a batch of more rows
 * is no faster on a CPU.
 */
const BATCH_TOKENS = 2048;

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

class TransformersEncoder implements TextEncoder {
  readonly name: string;
  readonly fingerprint: string;
  readonly #library: Transformers;
  readonly #tokenizer: Tokenizer;
  readonly #model: Model;
  readonly #maxTokens: number;
  #dimensions = 0;
  #endMarks: readonly number[] | undefined;

  constructor(
    library: Transformers,
    files: EncoderFiles,
    tokenizer: Tokenizer,
    model: Model,
    maxTokens: number,
    filesFingerprint: string,
  ) {
    this.name = files.name;
    this.#library = library;
    this.#tokenizer = tokenizer;
    this.#model = model;
    const { max_position_embeddings: positions } = model.config as { max_position_embeddings?: number };
    this.#maxTokens = Math.min(maxTokens, positions ?? maxTokens);
    this.fingerprint = `${filesFingerprint}/mean/${this.#maxTokens}/${BATCH_TOKENS}`;
  }

  get dimensions(): number {
    return this.#dimensions;
  }

  async embed(texts: readonly string[], { signal, onProgress }: EmbedOptions = {}): Promise<Float32Array[]> {
    throwIfAborted(signal);
    const sequences = texts.map((text) => this.#tokenise(text));
    const vectors = new Array<Float32Array>(texts.length);
    let done = 0;
    const lengths = sequences.map(({ length }) => length);
    for (const batch of batchByLength(lengths, BATCH_TOKENS)) {
      throwIfAborted(signal);
      const found = await this.#run(batch.map((position) => sequences[position]!));
      for (const [row, position] of batch.entries()) vectors[position] = found[row]!;
      done += batch.length;
      onProgress?.({ done, total: texts.length });
    }
    return vectors;
  }

  /** At most `maxTokens` ids. The library cuts the end mark off with the rest; models were trained with it, so it is kept. */
  #tokenise(text: string): readonly number[] {
    const ids = this.#encode(text, true);
    if (ids.length <= this.#maxTokens) return ids;
    this.#endMarks ??= this.#findEndMarks();
    return [...ids.slice(0, this.#maxTokens - this.#endMarks.length), ...this.#endMarks];
  }

  /** What the tokenizer puts behind every text. */
  #findEndMarks(): readonly number[] {
    const [whole, bare] = [this.#encode('a', true), this.#encode('a', false)];
    return whole.slice(whole.lastIndexOf(bare.at(-1)!) + 1);
  }

  #encode(text: string, marks: boolean): number[] {
    const settings = { add_special_tokens: marks, truncation: false, padding: false, return_tensor: false } as const;
    return (this.#tokenizer(text, settings) as { input_ids: number[] }).input_ids;
  }

  async #run(sequences: readonly (readonly number[])[]): Promise<Float32Array[]> {
    const width = Math.max(...sequences.map(({ length }) => length));
    const shape = [sequences.length, width];
    const ids = new BigInt64Array(sequences.length * width).fill(BigInt(this.#tokenizer.pad_token_id ?? 0));
    const mask = new BigInt64Array(ids.length);
    for (const [row, sequence] of sequences.entries()) {
      for (const [column, id] of sequence.entries()) {
        ids[row * width + column] = BigInt(id);
        mask[row * width + column] = 1n;
      }
    }
    const { Tensor } = this.#library;
    const output: Record<string, Tensor> = await this.#model({
      input_ids: new Tensor('int64', ids, shape),
      attention_mask: new Tensor('int64', mask, shape),
      token_type_ids: new Tensor('int64', new BigInt64Array(ids.length), shape),
    });
    const states = hiddenStates(output, sequences.length, width);
    const [, , dimensions] = states.dims as [number, number, number];
    this.#dimensions = dimensions;
    const data = states.data as Float32Array;
    const vectors = sequences.map(({ length }, row) => meanPool(data, row, length, width, dimensions));
    for (const tensor of Object.values(output)) tensor.dispose();
    return vectors;
  }

  async close(): Promise<void> {
    await this.#model.dispose();
  }
}

/** The last hidden states `[rows, width, dimensions]`: under the usual names, else the only output of that shape. */
function hiddenStates(output: Record<string, Tensor>, rows: number, width: number): Tensor {
  const named = output.last_hidden_state ?? output.token_embeddings;
  if (named) return named;
  const fitting = Object.values(output).filter(
    ({ type, dims }) => type === 'float32' && dims.length === 3 && dims[0] === rows && dims[1] === width,
  );
  if (fitting.length === 1) return fitting[0]!;
  throw new CorruptFileError(
    `expected one output of token vectors [${rows}, ${width}, dimensions], got ${JSON.stringify(
      Object.fromEntries(Object.entries(output).map(([name, { dims }]) => [name, dims])),
    )}.`,
    { hint: 'Is it an encoder for feature extraction?' },
  );
}
