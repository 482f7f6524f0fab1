import { InvalidInputError } from '../errors.js';
import { Session, type Tensor, tensor } from '../tensor/index.js';
import type { DecoderConfig } from './config.js';
import { decoderGraph } from './graph.js';
import { KeyValueCache } from './key-value-cache.js';
import type { NumericMode, WeightForm } from './linear.js';
import { placeFeeds } from './place-feeds.js';
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

/** A token of a run, by its row and its place among the row's new tokens. */
export type Place = readonly [row: number, token: number];

export interface ForwardOptions {
  /** Where next-token logits are wanted. Default: nowhere. */
  readonly logitsAt?: readonly Place[] | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** What one run gives. */
export class DecoderOutput {
  /** Next-token logits `[vocabulary]` at the places asked for, in their order. */
  readonly logits: readonly Float32Array[];
  readonly #hidden: Float32Array;
  readonly #sequence: number;
  readonly #hiddenSize: number;

  constructor(outputs: Readonly<Record<string, Tensor>>, { logitsAt = [] }: ForwardOptions) {
    const [, sequence, hiddenSize] = outputs.hidden!.shape as [number, number, number];
    this.#hidden = outputs.hidden!.data as Float32Array;
    this.#sequence = sequence;
    this.#hiddenSize = hiddenSize;
    const [, vocabulary] = outputs.logits!.shape as [number, number];
    const logits = outputs.logits!.data as Float32Array;
    this.logits = logitsAt.map((_, i) => logits.subarray(i * vocabulary, (i + 1) * vocabulary));
  }

  /** The final hidden state `[hidden]` of a token, RMS-normed, as a view: what the LM head and the embedder read. */
  hidden(row: number, token: number): Float32Array {
    const start = (row * this.#sequence + token) * this.#hiddenSize;
    return this.#hidden.subarray(start, start + this.#hiddenSize);
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

  private constructor(fields: {
    config: DecoderConfig;
    mode: NumericMode;
    maxPositions: number;
    embedding: Float32Array;
    bulk: Session;
    step: Session;
  }) {
    this.config = fields.config;
    this.mode = fields.mode;
    this.maxPositions = fields.maxPositions;
    this.#embedding = fields.embedding;
    this.#bulk = fields.bulk;
    this.#step = fields.step;
  }

  static async load(weights: WeightSource, options: DecoderOptions): Promise<Decoder> {
    const { config } = weights;
    const { mode, threads } = options;
    const maxPositions = options.maxPositions ?? Math.min(config.maxPositions, DEFAULT_POSITIONS);
    const embedding = await weights.read(EMBEDDING);
    const { bulk: bulkForm, step: stepForm } = FORMS[mode];
    const forms = [...new Set([bulkForm, stepForm])];
    const shared = sharedSource(weights, forms.length);
    const graphs = await Promise.all(forms.map((form) => decoderGraph(shared, form, maxPositions)));
    const sessions: Session[] = [];
    for (const [i, graph] of graphs.entries()) {
      options.signal?.throwIfAborted();
      // The step session runs the same shapes again and again, closely. The bulk one has other shapes each time, and its
      // threads, spinning after a prompt, would slow down the first tokens that are written.
      const steps = i === graphs.length - 1;
      const session = { planMemory: steps, spinBetweenRuns: steps };
      sessions.push(await Session.create(graph, threads === undefined ? session : { ...session, threads }));
    }
    const [bulk, step = bulk] = sessions as [Session, Session?];
    return new Decoder({ config, mode, maxPositions, embedding, bulk, step });
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
    options: ForwardOptions = {},
  ): Promise<DecoderOutput> {
    const sequence = this.#checkRows(rows, cache);
    const session = rows.length * sequence <= STEP_TOKENS ? this.#step : this.#bulk;
    const outputs = await session.run(this.#feeds(rows, cache, sequence, options), { signal: options.signal });
    cache.append(
      outputs.newKeys!.data as Float32Array,
      outputs.newValues!.data as Float32Array,
      sequence,
      rows.map((row) => row.length),
    );
    return new DecoderOutput(outputs, options);
  }

  /** Reads whole sequences that nothing follows: no cache is kept. */
  async encode(rows: readonly (readonly number[])[], options: ForwardOptions = {}): Promise<DecoderOutput> {
    const cache = this.createCache(rows.length);
    const feeds = this.#feeds(rows, cache, this.#checkRows(rows, cache), options);
    return new DecoderOutput(
      await this.#bulk.run(feeds, { wanted: ['hidden', 'logits'], signal: options.signal }),
      options,
    );
  }

  async close(): Promise<void> {
    await Promise.all([...new Set([this.#bulk, this.#step])].map((session) => session.release()));
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

  #feeds(
    rows: readonly (readonly number[])[],
    cache: KeyValueCache,
    sequence: number,
    { logitsAt = [] }: ForwardOptions,
  ): Record<string, Tensor> {
    const { hiddenSize } = this.config;
    const embeddings = new Float32Array(rows.length * sequence * hiddenSize);
    rows.forEach((tokens, row) => {
      tokens.forEach((id, i) => {
        const vector = this.#embedding.subarray(id * hiddenSize, (id + 1) * hiddenSize);
        embeddings.set(vector, (row * sequence + i) * hiddenSize);
      });
    });
    // A product of no rows is not what every kernel takes: where no logits are wanted, those of one row are left unread.
    const asked: readonly Place[] = logitsAt.length > 0 ? logitsAt : [[0, 0]];
    const logitRows = BigInt64Array.from(asked, ([row, token]) => BigInt(row * sequence + token));
    return {
      embeddings: tensor('float32', embeddings, [rows.length, sequence, hiddenSize]),
      logitRows: tensor('int64', logitRows, [logitRows.length]),
      ...placeFeeds(this.config, rows, cache, sequence),
      ...cache.feeds(),
    };
  }
}
