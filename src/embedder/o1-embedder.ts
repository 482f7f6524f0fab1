import { createHash } from 'node:crypto';
import { batchByLength } from '../batch-by-length.js';
import {
  Decoder,
  NUMERIC_MODES,
  NUMERICS_VERSION,
  type NumericMode,
  openCheckpoint,
  type Tokenizer,
} from '../decoder/index.js';
import { InvalidInputError, MismatchError, throwIfAborted } from '../errors.js';
import { type FetchProgress, resolveModel } from '../models/index.js';
import { normalise } from '../normalise.js';
import { openAdapter } from './adapter.js';
import { CallQueue } from './call-queue.js';
import { type OnRun, timed } from './model-run.js';
import type { QueryEmbedding, QueryEvent, QueryOptions } from './query-embedding.js';
import { Sequences } from './sequence.js';
import type { O1Settings } from './settings.js';
import { type BatchEvent, type BatchParts, type BatchRequest, ThinkingBatch } from './thinking-batch.js';
import { thinkingSettings } from './thinking-settings.js';
import { cosine } from './vectors.js';

export interface LoadOptions {
  /** Adapter folder, or the name of one that comes with the package. Default: the package's own. */
  readonly adapter?: string | undefined;
  /** Base model: a name, a folder, a GGUF file or a Hub repository. Default: the one the adapter was trained on. */
  readonly model?: string | undefined;
  /** How weights are held and products computed. Default `int8`. */
  readonly mode?: NumericMode | undefined;
  /** Threads of one run. Default: the number of physical cores. */
  readonly threads?: number | undefined;
  /** Never reach for the network. */
  readonly offline?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onFetch?: ((progress: FetchProgress) => void) | undefined;
  /** Told of each run of the model how long it took. */
  readonly onRun?: OnRun | undefined;
}

export interface DocumentOptions {
  /** Tokens of one run, padding included. Default 2048. */
  readonly maxBatchTokens?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  /** `tokens` counts what has been read so far. */
  readonly onProgress?:
    | ((progress: { readonly done: number; readonly total: number; readonly tokens: number }) => void)
    | undefined;
}

export interface QueriesOptions extends Omit<QueryOptions, 'thought' | 'deadlineMs'> {
  /** Thoughts written side by side. Default 16. */
  readonly maxBatchRows?: number | undefined;
  readonly onProgress?: ((progress: { readonly done: number; readonly total: number }) => void) | undefined;
}

/** Least cosine between a self-test vector and the same text's vector here. int4 moves vectors by a few per cent. */
const SELF_TEST_COSINE: Record<NumericMode, number> = { fp32: 0.9999, int8: 0.95, int4: 0.8 };

/**
 * A decoder that thinks about a query before it embeds it.
 *
 * Calls on one instance wait for each other and run in the order in which they came.
 *
 * @example
 * const embedder = await O1Embedder.load();
 * const { vector, thoughts } = await embedder.embedQuery('watch a folder for changes', { think: 'always' });
 * const documents = await embedder.embedDocuments(['fs.watch(filename)\nWatch for changes on filename.']);
 * await embedder.close();
 */
export class O1Embedder {
  readonly settings: O1Settings;
  readonly mode: NumericMode;
  readonly dimensions: number;
  /** Model, adapter, numeric mode and length policy: vectors of equal fingerprints may be compared. */
  readonly fingerprint: string;
  readonly #decoder: Decoder;
  readonly #tokenizer: Tokenizer;
  readonly #sequences: Sequences;
  readonly #queue = new CallQueue();
  readonly #onRun: OnRun | undefined;

  constructor(parts: {
    readonly decoder: Decoder;
    readonly tokenizer: Tokenizer;
    readonly settings: O1Settings;
    readonly adapterSha256: string;
    readonly onRun?: OnRun | undefined;
  }) {
    const { decoder, tokenizer, settings } = parts;
    this.#decoder = decoder;
    this.#tokenizer = tokenizer;
    this.#onRun = parts.onRun;
    this.#sequences = new Sequences(tokenizer, settings);
    this.settings = settings;
    this.mode = decoder.mode;
    this.dimensions = decoder.config.hiddenSize;
    const { base, lengths, sequenceVersion, tokens } = settings;
    const hash = createHash('sha256');
    const arithmetic = [decoder.mode, NUMERICS_VERSION];
    hash.update(JSON.stringify([base.sha256, parts.adapterSha256, arithmetic, sequenceVersion, lengths, tokens]));
    this.fingerprint = `${base.model}/${decoder.mode}/${hash.digest('hex').slice(0, 16)}`;
  }

  /**
   * Finds the adapter and its base model, merges them, and checks the adapter's self-test.
   *
   * @throws MismatchError when the adapter was made for another base model, or its self-test does not hold.
   */
  static async load(options: LoadOptions = {}): Promise<O1Embedder> {
    const { mode = 'int8', threads, signal, onRun } = options;
    if (!NUMERIC_MODES.includes(mode)) {
      throw new InvalidInputError(`mode must be one of ${NUMERIC_MODES.join(', ')}, got ${JSON.stringify(mode)}`);
    }
    const adapter = await openAdapter(options.adapter);
    const files = await resolveModel(options.model ?? adapter.settings.base.model, {
      ...(options.offline === undefined ? {} : { offline: options.offline }),
      ...(options.onFetch ? { onProgress: options.onFetch } : {}),
      ...(signal ? { signal } : {}),
    });
    const checkpoint = await openCheckpoint(files);
    try {
      const weights = await adapter.merged(checkpoint);
      try {
        const { lengths } = adapter.settings;
        // The longest sequences are a query with a thought, or a document, and at most five marks.
        const maxPositions = Math.max(lengths.query + lengths.thought, lengths.document) + 5;
        const decoder = await Decoder.load(weights, { mode, threads, maxPositions, signal });
        const { tokenizer } = checkpoint;
        const { settings, sha256: adapterSha256 } = adapter;
        const embedder = new O1Embedder({ decoder, tokenizer, settings, adapterSha256, onRun });
        try {
          await embedder.#selfTest(adapter.folder, signal);
        } catch (error) {
          await embedder.close();
          throw error;
        }
        return embedder;
      } finally {
        await weights.close();
      }
    } finally {
      await checkpoint.close();
    }
  }

  /** Tokens of a text before it is cut to the length policy. */
  countTokens(text: string): number {
    return this.#tokenizer.encode(text).length;
  }

  /**
   * The text of token ids of this model.
   *
   * @throws InvalidInputError for an id that it does not have.
   */
  decodeTokens(ids: readonly number[]): string {
    const { vocabularySize } = this.#tokenizer;
    const wrong = ids.find((id) => !(id >= 0 && id < vocabularySize));
    if (wrong === undefined) return this.#tokenizer.decode(ids);
    throw new InvalidInputError(`token id ${wrong} is not one of this model's ${vocabularySize}`, {
      hint: "Send texts, or ids of this model's own tokenizer; those of another model (cl100k_base, say) mean other words here.",
    });
  }

  /** Unit vectors of documents, in their order. A document that is too long is cut to the length policy. */
  async embedDocuments(texts: readonly string[], options: DocumentOptions = {}): Promise<Float32Array[]> {
    return this.#queue.run(async () => {
      const { maxBatchTokens = 2048, signal, onProgress } = options;
      throwIfAborted(signal);
      const sequences = texts.map((text) => this.#sequences.document(text).ids);
      const vectors = new Array<Float32Array>(texts.length);
      let [done, tokens] = [0, 0];
      for (const group of batchByLength(
        sequences.map(({ length }) => length),
        maxBatchTokens,
      )) {
        const rows = group.map((i) => sequences[i]!);
        const onRun = this.#onRun;
        const output = await timed('documents', { onRun, signal }, () => this.#decoder.encode(rows, { signal }));
        for (const [row, i] of group.entries()) vectors[i] = normalise(output.hidden(row, rows[row]!.length - 1));
        done += group.length;
        tokens += rows.reduce((sum, { length }) => sum + length, 0);
        onProgress?.({ done, total: texts.length, tokens });
      }
      return vectors;
    });
  }

  /** The query's instant vector, its thoughts, and the vector to search with. */
  async embedQuery(text: string, options: QueryOptions = {}): Promise<QueryEmbedding> {
    for await (const event of this.streamQuery(text, options)) {
      if (event.type === 'final') return embeddingOf(event);
    }
    throw new Error('the stream ended without a final event');
  }

  /**
   * The same as events: the instant vector as soon as it is there, each token of the thoughts, the final vector.
   *
   * The stream keeps its turn until it has ended or its loop was left: read it without long pauses, and do not wait in the
   * loop for another call on this instance, which would never come to its turn.
   */
  async *streamQuery(text: string, options: QueryOptions = {}): AsyncGenerator<QueryEvent, void, void> {
    const { signal } = options;
    const deadline = performance.now() + thinkingSettings(options, this.settings).deadlineMs;
    const release = await this.#queue.turn();
    try {
      for await (const { event } of this.#think([{ id: '', text, options }], { signal, deadline })) yield event;
    } finally {
      release();
    }
  }

  /** Many queries, several at a time. Results are in the order of the texts. */
  async embedQueries(texts: readonly string[], options: QueriesOptions = {}): Promise<QueryEmbedding[]> {
    const { maxBatchRows = 16, onProgress, ...queryOptions } = options;
    const { signal } = options;
    const { think, thoughts } = thinkingSettings(queryOptions, this.settings);
    const results = new Array<QueryEmbedding>(texts.length);
    const perBatch = Math.max(1, Math.floor(maxBatchRows / (think === 'never' ? 1 : thoughts)));
    // Queries of like length together: padding is small, and thoughts of like queries end at like times.
    const order = texts.map((text, i) => ({ i, length: this.countTokens(text) })).sort((a, b) => a.length - b.length);
    let done = 0;
    for (let first = 0; first < order.length; first += perBatch) {
      const group = order.slice(first, first + perBatch);
      const requests = group.map(({ i }) => ({ id: String(i), text: texts[i]!, options: queryOptions }));
      await this.#queue.run(async () => {
        for await (const { id, event } of this.#think(requests, { signal })) {
          if (event.type === 'final') results[Number(id)] = embeddingOf(event);
        }
      });
      done += group.length;
      onProgress?.({ done, total: texts.length });
    }
    return results;
  }

  /**
   * An empty batch that queries join and leave at any time. Its runs wait for their turn among this instance's other calls,
   * one by one, so that documents can be embedded in between.
   */
  thinkingBatch(): ThinkingBatch {
    return this.#batch((call) => this.#queue.run(call));
  }

  async close(): Promise<void> {
    await this.#queue.run(() => this.#decoder.close());
  }

  #batch(turn: BatchParts['turn']): ThinkingBatch {
    const [decoder, tokenizer, sequences, settings] = [this.#decoder, this.#tokenizer, this.#sequences, this.settings];
    return new ThinkingBatch({ decoder, tokenizer, sequences, settings, turn, onRun: this.#onRun });
  }

  /** Thinks about queries from the first to the last of them, or to the deadline. It is the caller's turn all the time. */
  async *#think(
    requests: readonly BatchRequest[],
    { signal, deadline = Number.POSITIVE_INFINITY }: { readonly signal?: AbortSignal; readonly deadline?: number },
  ): AsyncGenerator<BatchEvent, void, void> {
    const batch = this.#batch((call) => call());
    const events = await batch.admit(requests, { signal });
    yield* events;
    for (const { id, event } of events) {
      if (event.type !== 'instant' || !batch.undecided.includes(id)) continue;
      const { instantScores } = requests.find((request) => request.id === id)!.options!;
      yield* await batch.decide(id, await instantScores!(event.vector));
    }
    while (batch.rows > 0) {
      if (performance.now() >= deadline) yield* batch.queries.map((id) => batch.finish(id));
      else yield* await batch.step({ signal });
    }
  }

  async #selfTest(where: string, signal: AbortSignal | undefined): Promise<void> {
    for (const { kind, text, head } of this.settings.selfTest) {
      const vector =
        kind === 'document'
          ? (await this.embedDocuments([text], { signal }))[0]!
          : (await this.embedQuery(text, { think: 'never', signal })).vector;
      const likeness = cosine(vector.subarray(0, head.length), head);
      const least = SELF_TEST_COSINE[this.mode];
      if (!(likeness >= least)) {
        throw new MismatchError(
          `self-test failed: the vector of ${JSON.stringify(text)} has cosine ${likeness.toFixed(4)} to the one stored with the adapter, expected at least ${least} in ${this.mode}`,
          { where, hint: 'The adapter is damaged, or does not belong to this model.' },
        );
      }
    }
  }
}

function embeddingOf({ type: _, ...embedding }: { readonly type: 'final' } & QueryEmbedding): QueryEmbedding {
  return embedding;
}
