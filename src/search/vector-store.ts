import type { IndexManifest } from './manifest.js';
import type { MetadataFilter } from './metadata-filter.js';
import type { DocumentRecord, Metadata } from './records.js';

/** A document as the store keeps it. */
export interface StoredDocument extends DocumentRecord {
  /** Hash of the embedded text, see `textHash`. */
  readonly textHash: string;
  /** Vector, `[dimensions]`. */
  readonly vector: Float32Array;
}

/** What is needed to tell whether a document has changed. */
export interface StoredState {
  readonly id: string;
  readonly textHash: string;
  readonly metadata?: Metadata;
}

export interface SearchHit extends DocumentRecord {
  /** Inner product of query and document vector. */
  readonly score: number;
}

export interface SearchOptions {
  /** How many hits. Default 10. */
  readonly k?: number;
  /** Only documents with this metadata. Default: all. */
  readonly filter?: MetadataFilter;
}

/**
 * Vectors with their documents, on disk.
 *
 * Every change is one atomic commit: after a crash it is either there as a whole or not at all. Changes need a store
 * that was opened for writing.
 */
export interface VectorStore {
  readonly manifest: IndexManifest;
  /** The documents with the largest inner product, best first; equal scores by id ascending. The search is exact. */
  search(vector: Float32Array, options?: SearchOptions): Promise<SearchHit[]>;
  /** Adds documents whose ids are not there yet. */
  append(documents: readonly StoredDocument[]): Promise<void>;
  /** Adds documents, or replaces those with the same id. */
  upsert(documents: readonly StoredDocument[]): Promise<void>;
  /** Deletes documents and returns how many there were; ids that are not there do not matter. */
  delete(ids: readonly string[]): Promise<number>;
  /** The documents with these ids, as far as they are there. */
  get(ids: readonly string[]): Promise<Map<string, StoredDocument>>;
  count(): Promise<number>;
  /** All documents, in the order of their commits. */
  iterate(): AsyncIterable<StoredDocument>;
  /** All documents without vectors, in the same order: enough for BM25. */
  documents(): AsyncIterable<DocumentRecord>;
  /** All documents without text and vector. */
  states(): AsyncIterable<StoredState>;
  /** Puts the parts of many commits together and drops what no longer belongs to the index. Wanted after many changes. */
  compact(): Promise<void>;
  /** Writes the number of documents, and the source where given, into the manifest. */
  updateManifest(changes?: { readonly source?: string }): Promise<void>;
  /** Gives the folder free. The store cannot be used afterwards. */
  close(): Promise<void>;
}
