import { LRUCache } from 'lru-cache';
import type { QueryEmbedding } from '../../embedder/index.js';
import { embeddingFromJson, embeddingToJson } from './embedding-json.js';
import { ThoughtLog } from './thought-log.js';

export interface ThoughtCacheSettings {
  /** Kept in this folder, to survive a restart. Default: in memory alone. */
  readonly folder?: string | undefined;
  /** So many queries are remembered; the one that was not asked for the longest time is forgotten. Default 10,000. */
  readonly maxEntries?: number | undefined;
  /** Told what is wrong with the folder's files. */
  readonly warn?: ((message: string) => void) | undefined;
  /** After how long a lock that is not refreshed counts as left behind by a killed server. Default 4,000 ms, at least 2,000. */
  readonly lockStaleMs?: number | undefined;
}

/** What queries were embedded to. Thoughts take the longest of all that a server does, and many queries come again. */
export class ThoughtCache {
  readonly #entries: LRUCache<string, QueryEmbedding>;
  readonly #log: ThoughtLog | undefined;

  private constructor(entries: LRUCache<string, QueryEmbedding>, log: ThoughtLog | undefined) {
    this.#entries = entries;
    this.#log = log;
  }

  /** @throws O1Error when another process uses the folder. */
  static async open(settings: ThoughtCacheSettings = {}): Promise<ThoughtCache> {
    const { folder, maxEntries = 10_000, warn = () => {}, lockStaleMs } = settings;
    const entries = new LRUCache<string, QueryEmbedding>({ max: maxEntries });
    if (folder === undefined) return new ThoughtCache(entries, undefined);
    const opened = await ThoughtLog.open(folder, { maxLines: maxEntries, warn, lockStaleMs });
    for (const { key, value } of opened.entries) entries.set(key, embeddingFromJson(value));
    return new ThoughtCache(entries, opened.log);
  }

  get size(): number {
    return this.#entries.size;
  }

  get(key: string): QueryEmbedding | undefined {
    return this.#entries.get(key);
  }

  set(key: string, embedding: QueryEmbedding): void {
    this.#entries.set(key, embedding);
    this.#log?.append({ key, value: embeddingToJson(embedding) });
  }

  /** Writes what is still to be written. */
  async close(): Promise<void> {
    await this.#log?.close();
  }
}
