import { crashPoint } from '../crash-point.js';
import { InvalidInputError, throwIfAborted } from '../errors.js';
import type { DocumentEncoder } from './document-encoder.js';
import { assertSameEncoder } from './manifest.js';
import { type DocumentRecord, documentText, textHash } from './records.js';
import type { StoredDocument, VectorStore } from './vector-store.js';

/**
 * Documents embedded and committed together. Large enough for the encoder to form batches of like length, small enough
 * that a killed run loses little: about ten seconds of work of a 135M model on two cores.
 */
const DEFAULT_CHUNK_SIZE = 128;

export interface IndexProgress {
  /** Documents dealt with so far: found unchanged, or embedded. */
  readonly done: number;
  /** Documents in the corpus, when the caller said so. */
  readonly total: number | undefined;
  /** Of these, documents embedded in this run. */
  readonly embedded: number;
  /** Tokens embedded in this run. */
  readonly tokens: number;
}

export interface IndexOptions {
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: IndexProgress) => void;
  /** Number of documents in the corpus, only to be passed on to `onProgress`. */
  readonly total?: number;
  /** Delete the documents of the index that the corpus no longer holds. Default false. */
  readonly removeMissing?: boolean;
  /** Where the documents come from, for the manifest. Default: as it was. */
  readonly source?: string;
  /**
   * Documents a chunk, default 128. Keep it the same for one index: where an encoder's vectors depend on their
   * neighbours (int8), another size gives slightly other vectors.
   */
  readonly chunkSize?: number;
}

/** What a run did. */
export interface IndexReport {
  readonly embedded: number;
  readonly unchanged: number;
  readonly removed: number;
  /** Documents in the index now. */
  readonly documents: number;
  readonly tokens: number;
}

/**
 * Brings an index up to date with a corpus: embeds documents that are new or whose text has changed.
 *
 * The corpus is cut into chunks of a fixed size in its own order; the documents of a chunk that need it are embedded in
 * one call and committed at once. So which documents are embedded together depends on the corpus and on the index at
 * the start, not on where an earlier run was killed: the next run ends with the very same vectors.
 *
 * @throws MismatchError when the encoder is not the one of the index, InvalidInputError when an id comes twice.
 */
export async function indexCorpus(
  store: VectorStore,
  records: Iterable<DocumentRecord> | AsyncIterable<DocumentRecord>,
  encoder: DocumentEncoder,
  options: IndexOptions = {},
): Promise<IndexReport> {
  const { signal, onProgress, total, removeMissing = false, source, chunkSize = DEFAULT_CHUNK_SIZE } = options;
  assertSameEncoder(store.manifest, encoder, 'index');
  const known = await knownStates(store);
  const seen = new Set<string>();
  let [done, embedded, tokens] = [0, 0, 0];
  const report = () => onProgress?.({ done, total, embedded, tokens });

  for await (const chunk of chunks(records, chunkSize)) {
    throwIfAborted(signal);
    for (const { id } of chunk) {
      if (seen.has(id)) throw new InvalidInputError(`the id "${id}" comes twice in the corpus.`);
      seen.add(id);
    }
    const hashes = chunk.map(textHash);
    const changed = chunk.flatMap((record, index) => {
      const hash = hashes[index]!;
      return known.get(record.id)?.textHash === hash ? [] : [{ record, hash }];
    });
    const relabelled = chunk.filter((record, index) => {
      const state = known.get(record.id);
      return state !== undefined && state.textHash === hashes[index] && state.metadata !== metadataKey(record);
    });
    const before = { done: done + chunk.length - changed.length, embedded, tokens };
    const vectors =
      changed.length === 0
        ? []
        : await encoder.embedDocuments(
            changed.map(({ record }) => documentText(record)),
            {
              ...(signal ? { signal } : {}),
              onProgress: (progress) => {
                done = before.done + progress.done;
                embedded = before.embedded + progress.done;
                tokens = before.tokens + progress.tokens;
                report();
              },
            },
          );
    if (vectors.length !== changed.length) {
      throw new InvalidInputError(`the encoder gave ${vectors.length} vectors for ${changed.length} texts.`);
    }
    const documents = changed.map(({ record, hash }, index) => toStored(record, hash, vectors[index]!));
    documents.push(...(await withStoredVectors(store, relabelled)));
    if (documents.length > 0) {
      crashPoint('index-before-commit');
      if (documents.some(({ id }) => known.has(id))) await store.upsert(documents);
      else await store.append(documents);
      crashPoint('index-after-commit');
    }
    done = before.done + changed.length;
    embedded = before.embedded + changed.length;
    report();
  }

  throwIfAborted(signal);
  const removed = removeMissing ? await store.delete([...known.keys()].filter((id) => !seen.has(id))) : 0;
  await store.compact();
  crashPoint('index-before-manifest');
  await store.updateManifest(source === undefined ? {} : { source });
  return { embedded, unchanged: done - embedded, removed, documents: store.manifest.documents, tokens };
}

async function knownStates(store: VectorStore): Promise<Map<string, { textHash: string; metadata: string }>> {
  const known = new Map<string, { textHash: string; metadata: string }>();
  for await (const state of store.states()) {
    known.set(state.id, { textHash: state.textHash, metadata: metadataKey(state) });
  }
  return known;
}

function metadataKey({ metadata }: Pick<DocumentRecord, 'metadata'>): string {
  return JSON.stringify(metadata ?? {});
}

/** Documents whose text is as it was, with their stored vectors and their new metadata. */
async function withStoredVectors(store: VectorStore, records: readonly DocumentRecord[]): Promise<StoredDocument[]> {
  const stored = await store.get(records.map(({ id }) => id));
  return records.map((record) => {
    const { textHash, vector } = stored.get(record.id)!;
    return toStored(record, textHash, vector);
  });
}

function toStored({ id, title, text, metadata }: DocumentRecord, hash: string, vector: Float32Array): StoredDocument {
  return {
    id,
    ...(title === undefined ? {} : { title }),
    text,
    ...(metadata === undefined ? {} : { metadata }),
    textHash: hash,
    vector,
  };
}

async function* chunks<T>(items: Iterable<T> | AsyncIterable<T>, size: number): AsyncGenerator<T[]> {
  let chunk: T[] = [];
  for await (const item of items) {
    chunk.push(item);
    if (chunk.length === size) {
      yield chunk;
      chunk = [];
    }
  }
  if (chunk.length > 0) yield chunk;
}
