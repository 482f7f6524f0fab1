/**
 * This embedder as LangChain's `Embeddings`, over HTTP or in this process. Needs `@langchain/core`.
 *
 * @example
 * import { O1Embeddings } from 'o1-embedder/langchain';
 *
 * const embeddings = new O1Embeddings({ baseURL: 'http://127.0.0.1:8080/v1', think: 'always' });
 * const store = await MemoryVectorStore.fromTexts(texts, metadata, embeddings);
 */
import { Embeddings } from '@langchain/core/embeddings';
import { InvalidInputError } from '../errors.js';
import type { EmbeddingSource, InputType, Think } from './embedding-source.js';
import { httpSource } from './http-source.js';
import { type InProcessEmbedder, inProcessSource } from './in-process-source.js';

export { ApiError } from './api-error.js';
export type { Think } from './embedding-source.js';
export type { InProcessEmbedder } from './in-process-source.js';

interface CommonOptions {
  /** Whether the model thinks about a query before it embeds it. Documents are embedded as they are. Default `never`. */
  readonly think?: Think | undefined;
  /** Texts of one call. Default 128. */
  readonly batchSize?: number | undefined;
  /** Stops every call of this object. */
  readonly signal?: AbortSignal | undefined;
}

/** Over HTTP, or with an embedder in this process. */
export type O1EmbeddingsOptions = CommonOptions &
  (
    | {
        /** The server's API: `http://127.0.0.1:8080/v1`. */
        readonly baseURL: string;
        /** Sent as a bearer token. Default: none. */
        readonly apiKey?: string | undefined;
        /** How often a call is repeated when the server is too busy, after the time that it asks for. Default 2. */
        readonly maxRetries?: number | undefined;
        readonly embedder?: undefined;
      }
    | { readonly embedder: InProcessEmbedder; readonly baseURL?: undefined }
  );

/** A call stays short, so that others are not kept waiting. */
const DEFAULT_BATCH_SIZE = 128;

export class O1Embeddings extends Embeddings {
  readonly #source: EmbeddingSource;
  readonly #batchSize: number;
  readonly #options: CommonOptions;

  constructor(options: O1EmbeddingsOptions) {
    // LangChain's own repetition does not know Retry-After; the source's does.
    super({ maxRetries: 0 });
    const { batchSize = DEFAULT_BATCH_SIZE } = options;
    if (!(Number.isSafeInteger(batchSize) && batchSize >= 1)) {
      throw new InvalidInputError(`batchSize must be a whole number from 1 up, got ${batchSize}`);
    }
    this.#source = options.embedder === undefined ? httpSource(options) : inProcessSource(options.embedder);
    this.#batchSize = batchSize;
    this.#options = options;
  }

  override async embedDocuments(documents: string[]): Promise<number[][]> {
    const vectors: number[][] = [];
    for (let first = 0; first < documents.length; first += this.#batchSize) {
      vectors.push(...(await this.#embed(documents.slice(first, first + this.#batchSize), 'document')));
    }
    return vectors;
  }

  override async embedQuery(query: string): Promise<number[]> {
    return (await this.#embed([query], 'query'))[0]!;
  }

  async #embed(texts: readonly string[], inputType: InputType): Promise<number[][]> {
    const { think, signal } = this.#options;
    const { vectors } = await this.#source.embed(texts, { inputType, think, signal });
    return vectors.map((vector) => Array.from(vector));
  }
}
