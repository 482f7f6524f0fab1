import { LRUCache } from 'lru-cache';
import type { ServiceEmbedding } from '../service.js';
import { embeddingFromJson, embeddingToJson } from './embedding-json.js';
import { type LogEntry, ThoughtLog } from './thought-log.js';

export interface ThoughtCacheSettings {
  /** Kept in this folder, to survive a restart. Default: in memory alone. */
  readonly folder?: string | undefined;
  /** So many queries are remembered; the one that was not asked for the longest time is forgotten. Default 10,000. */
  readonly maxEntries?: number | undefined;
  /** So many bytes they may have, in memory and likewise in each of the folder's two files. Default 128 MiB. */
  readonly maxBytes?: number | undefined;
  /** Told what is wrong with the folder's files. */
  readonly warn?: ((message: string) => void) | undefined;
  /** After how long a lock that is not refreshed counts as left behind by a killed server. Default 4,000 ms, at least 2,000. */
  readonly lockStaleMs?: number | undefined;
}

/** The default of queries with one thought each, at 576 dimensions: 8 kB a query. */
const MAX_BYTES = 128 * 2 ** 20;

/** What queries were embedded to. Thoughts take the longest of all that a server does, and many queries come again. */
export class ThoughtCache {
  readonly #entries: LRUCache<string, ServiceEmbedding>;
  readonly #log: ThoughtLog | undefined;

  private constructor(entries: LRUCache<string, ServiceEmbedding>, log: ThoughtLog | undefined) {
    this.#entries = entries;
    this.#log = log;
  }

  /** @throws O1Error when another process uses the folder. */
  static async open(settings: ThoughtCacheSettings = {}): Promise<ThoughtCache> {
    const { folder, maxEntries = 10_000, maxBytes = MAX_BYTES, warn = () => {}, lockStaleMs } = settings;
    const entries = new LRUCache<string, ServiceEmbedding>({
      ...{ max: maxEntries, maxSize: maxBytes, sizeCalculation: bytesOf },
    });
    if (folder === undefined) return new ThoughtCache(entries, undefined);
    const onEntry = ({ key, value }: LogEntry) => void entries.set(key, embeddingFromJson(value));
    const log = await ThoughtLog.open(folder, { maxLines: maxEntries, maxBytes, onEntry, warn, lockStaleMs });
    return new ThoughtCache(entries, log);
  }

  get size(): number {
    return this.#entries.size;
  }

  get(key: string): ServiceEmbedding | undefined {
    return this.#entries.get(key);
  }

  set(key: string, embedding: ServiceEmbedding): void {
    this.#entries.set(key, embedding);
    this.#log?.append({ key, value: embeddingToJson(embedding) });
  }

  /** Writes what is still to be written. */
  async close(): Promise<void> {
    await this.#log?.close();
  }
}

/** About so much memory: four bytes a dimension, two a character, eight a token's id. */
function bytesOf({ instant, thoughts }: ServiceEmbedding): number {
  const vectors = 4 * instant.length * (2 + thoughts.length);
  return thoughts.reduce((sum, { text, tokens }) => sum + 2 * text.length + 8 * tokens.length, vectors);
}
