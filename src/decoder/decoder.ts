import { InvalidInputError } from '../errors.js';
import { Session, type Tensor, tensor } from '../tensor/index.js';
import { fusedAttentionFits } from './attention.js';
import type { DecoderConfig } from './config.js';
import { decoderGraph, headGraph } from './graph.js';
import { KeyValueCache } from './key-value-cache.js';
import type { NumericMode, WeightForm } from './linear.js';
import { EMBEDDING, sharedSource, type WeightSource } from './weights.js';

export interface DecoderOptions {
  readonly mode: NumericMode;
  /** Threads of one run. Default: as many as the machine has physical cores. */
  readonly threads?: number | undefined;
  /** The longest sequence that will be run. Default: what the model allows, at most 4096. */
  readonly maxPositions?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** By mode: the form of the weights for many tokens at once, for few, and of the LM head. */
const FORMS: Record<NumericMode, { readonly bulk: WeightForm; readonly step: WeightForm }> = {
  fp32: { bulk: 'float', step: 'float' },
  int8: { bulk: 'int8Rows', step: 'int8Blocks' },
  int4: { bulk: 'int8Rows', step: 'int4Blocks' },
};

/** Up to this many tokens the step form is the faster one (measured on AVX-512 VNNI: equal at about eight). */
const STEP_TOKENS = 8;

/** Rotary tables are made for this many positions where the model allows more and nobody asked for them. */
const DEFAULT_POSITIONS = 4096;

/** Final hidden states of one run, RMS-normed: what the LM head and the embedder read. */
export class HiddenStates {
  readonly #data: Float32Array;
  readonly #sequence: number;
  readonly #hiddenSize: number;

  constructor(data: Float32Array, sequence: number, hiddenSize: number) {
    this.#data = data;
    this.#sequence = sequence;
    this.#hiddenSize = hiddenSize;
  }

  /** `[hidden]` at a token of a row, as a view. */
  at(row: number, token: number): Float32Array {
    const start = (row * this.#sequence + token) * this.#hiddenSize;
    return this.#data.subarray(start, start + this.#hiddenSize);
  }
}

/**
 * A Llama-family decoder: token ids in, hidden states and logits out.
 *
 * It knows nothing of text: tokens come from a tokenizer, meaning from its user.
 */
export class Decoder {
  readonly config: DecoderConfig;
  readonly mode: NumericMode;
  readonly maxPositions: number;
  readonly #embedding: Float32Array;
  readonly #bulk: Session;
  readonly #step: Session;
  readonly #head: Session;

  private constructor(fields: {
    config: DecoderConfig;
    mode: NumericMode;
    maxPositions: number;
    embedding: Float32Array;
    bulk: Session;
    step: Session;
    head: Session;
  }) {
    this.config = fields.config;
    this.mode = fields.mode;
    this.maxPositions = fields.maxPositions;
    this.#embedding = fields.embedding;
    this.#bulk = fields.bulk;
    this.#step = fields.step;
    this.#head = fields.head;
  }

  static async load(weights: WeightSource, options: DecoderOptions): Promise<Decoder> {
    const { config } = weights;
    const { mode, threads } = options;
    const maxPositions = options.maxPositions ?? Math.min(config.maxPositions, DEFAULT_POSITIONS);
    const embedding = await weights.read(EMBEDDING);
    const session = threads === undefined ? {} : { threads };
    const { bulk: bulkForm, step: stepForm } = FORMS[mode];
    const forms = [...new Set([bulkForm, stepForm])];
    const shared = sharedSource(weights, forms.length);
    const graphs = await Promise.all(forms.map((form) => decoderGraph(shared, form, maxPositions)));
    const sessions: Session[] = [];
    for (const graph of graphs) {
      options.signal?.throwIfAborted();
      sessions.push(await Session.create(graph, session));
    }
    const [bulk, step = bulk] = sessions as [Session, Session?];
    options.signal?.throwIfAborted();
    const head = await Session.create(await headGraph(weights, stepForm), session);
    return new Decoder({ config, mode, maxPositions, embedding, bulk, step, head });
  }

  createCache(rows: number): KeyValueCache {
    return new KeyValueCache(this.config, rows);
  }

  /**
   * Reads new tokens of each row, after what the cache holds of it, and adds them to the cache.
   *
   * Rows may differ in length: shorter ones are padded on the right, where causal attention cannot see them. When the
   * cache already holds tokens, several rows continue by one token each, and a single row by any number.
   */
  async forward(
    rows: readonly (readonly number[])[],
    cache: KeyValueCache,
    signal?: AbortSignal,
  ): Promise<HiddenStates> {
    const sequence = this.#checkRows(rows, cache);
    const session = rows.length * sequence <= STEP_TOKENS ? this.#step : this.#bulk;
    const outputs = await session.run(
      { ...this.#inputs(rows, cache.lengths, cache.capacity, sequence), ...cache.feeds() },
      signal ? { signal } : {},
    );
    cache.append(
      outputs.newKeys!.data as Float32Array,
      outputs.newValues!.data as Float32Array,
      sequence,
      rows.map((row) => row.length),
    );
    return new HiddenStates(outputs.hidden!.data as Float32Array, sequence, this.config.hiddenSize);
  }

  /** Reads whole sequences that nothing follows: no cache is kept. */
  async encode(rows: readonly (readonly number[])[], signal?: AbortSignal): Promise<HiddenStates> {
    const cache = this.createCache(rows.length);
    const sequence = this.#checkRows(rows, cache);
    const feeds = { ...this.#inputs(rows, cache.lengths, 0, sequence), ...cache.feeds() };
    const { hidden } = await this.#bulk.run(feeds, { wanted: ['hidden'], ...(signal ? { signal } : {}) });
    return new HiddenStates(hidden!.data as Float32Array, sequence, this.config.hiddenSize);
  }

  /** Next-token logits, `[vocabulary]` for each of the given hidden states. */
  async logits(hidden: readonly Float32Array[]): Promise<Float32Array[]> {
    const { hiddenSize, vocabularySize } = this.config;
    const rows = new Float32Array(hidden.length * hiddenSize);
    hidden.forEach((row, i) => {
      rows.set(row, i * hiddenSize);
    });
    const { logits } = await this.#head.run({ hidden: tensor('float32', rows, [hidden.length, hiddenSize]) });
    const data = logits!.data as Float32Array;
    return hidden.map((_, i) => data.subarray(i * vocabularySize, (i + 1) * vocabularySize));
  }

  async close(): Promise<void> {
    await Promise.all([...new Set([this.#bulk, this.#step, this.#head])].map((session) => session.release()));
  }

  #checkRows(rows: readonly (readonly number[])[], cache: KeyValueCache): number {
    if (rows.length !== cache.rows) {
      throw new InvalidInputError(`the cache has ${cache.rows} rows, got tokens for ${rows.length}`);
    }
    let sequence = 0;
    rows.forEach((tokens, row) => {
      if (tokens.length === 0) throw new InvalidInputError(`row ${row} has no tokens`);
      const length = cache.lengths[row]! + tokens.length;
      if (length > this.maxPositions) {
        throw new InvalidInputError(`row ${row} grows to ${length} tokens, the model reads ${this.maxPositions}`);
      }
      const wrong = tokens.find((id) => !(Number.isInteger(id) && id >= 0 && id < this.config.vocabularySize));
      if (wrong !== undefined) {
        throw new InvalidInputError(`token id ${wrong} is not in the vocabulary of ${this.config.vocabularySize}`);
      }
      sequence = Math.max(sequence, tokens.length);
    });
    if (rows.length > 1 && sequence > 1 && cache.capacity > 0) {
      throw new InvalidInputError('several rows with a filled cache continue by one token each', {
        hint: 'Continue by one token each, or row by row.',
      });
    }
    return sequence;
  }

  #inputs(
    rows: readonly (readonly number[])[],
    lengths: readonly number[],
    capacity: number,
    sequence: number,
  ): Record<string, Tensor> {
    const { hiddenSize } = this.config;
    const embeddings = new Float32Array(rows.length * sequence * hiddenSize);
    const positions = new BigInt64Array(rows.length * sequence);
    rows.forEach((tokens, row) => {
      for (let i = 0; i < sequence; i++) {
        // Padding repeats the row's last position, which always stands in the rotary tables.
        positions[row * sequence + i] = BigInt(lengths[row]! + Math.min(i, tokens.length - 1));
      }
      tokens.forEach((id, i) => {
        const vector = this.#embedding.subarray(id * hiddenSize, (id + 1) * hiddenSize);
        embeddings.set(vector, (row * sequence + i) * hiddenSize);
      });
    });
    return {
      embeddings: tensor('float32', embeddings, [rows.length, sequence, hiddenSize]),
      positions: tensor('int64', positions, [rows.length, sequence]),
      ...(fusedAttentionFits(this.config)
        ? fusedInputs(rows, lengths, sequence)
        : { mask: this.#mask(rows, lengths, capacity, sequence) }),
    };
  }

  #mask(rows: readonly (readonly number[])[], lengths: readonly number[], capacity: number, sequence: number): Tensor {
    const total = capacity + sequence;
    const window = this.config.slidingWindow ?? Number.POSITIVE_INFINITY;
    const mask = new Float32Array(rows.length * sequence * total).fill(-1e9);
    rows.forEach((_, row) => {
      const past = lengths[row]!;
      for (let i = 0; i < sequence; i++) {
        const start = (row * sequence + i) * total;
        const oldest = past + i - window + 1;
        for (let j = Math.max(0, oldest); j < past; j++) mask[start + j] = 0;
        for (let j = Math.max(0, oldest - past); j <= i; j++) mask[start + capacity + j] = 0;
      }
    });
    return tensor('float32', mask, [rows.length, 1, 1, sequence, total]);
  }
}

function fusedInputs(
  rows: readonly (readonly number[])[],
  lengths: readonly number[],
  sequence: number,
): Record<string, Tensor> {
  const totals = rows.map((tokens, row) => lengths[row]! + tokens.length);
  // A first reading must look like one to the kernel: its total is the padded length.
  const total = lengths.every((length) => length === 0) ? sequence : Math.max(...totals);
  return {
    lastPositions: tensor(
      'int32',
      Int32Array.from(totals, (n) => n - 1),
      [rows.length],
    ),
    total: tensor('int32', Int32Array.of(total), [1]),
  };
}
