import { batchByLength } from '../batch-by-length.js';
import { CorruptFileError, throwIfAborted } from '../errors.js';
import type { EncoderFiles } from '../models/index.js';
import type { EmbedOptions, TextEncoder } from './text-encoder.js';
import { meanPool } from './vectors.js';

export type Transformers = typeof import('@huggingface/transformers');
type Model = Awaited<ReturnType<Transformers['AutoModel']['from_pretrained']>>;
type Tokenizer = Awaited<ReturnType<Transformers['AutoTokenizer']['from_pretrained']>>;
type Tensor = InstanceType<Transformers['Tensor']>;

/**
 * Tokens of a batch, padding included. A small batch keeps its activations in the processor's cache, and a batch of more rows
 * is no faster on a CPU.
 */
const BATCH_TOKENS = 2048;

/** A feature-extraction model of transformers.js in use. */
export class TransformersEncoder implements TextEncoder {
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
