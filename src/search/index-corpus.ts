import { crashPoint } from '../crash-point.js';
import { InvalidInputError, throwIfAborted } from '../errors.js';
import type { DocumentEncoder, EncodingProgress } from './document-encoder.js';
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

  for await (const chunk of chunks(records, chunkSize)) {
    throwIfAborted(signal);
    addIds(seen, chunk);
    const { unchanged, changed, relabelled } = compare(chunk, known);
    const before = { done: done + unchanged, embedded, tokens };
    const count = (newlyEmbedded: number, newTokens: number) => {
      done = before.done + newlyEmbedded;
      embedded = before.embedded + newlyEmbedded;
      tokens = before.tokens + newTokens;
      onProgress?.({ done, total, embedded, tokens });
    };
    const documents = await embed(changed, encoder, signal, (progress) => count(progress.done, progress.tokens));
    await commit(store, [...documents, ...(await withStoredVectors(store, relabelled))], known);
    count(changed.length, tokens - before.tokens);
  }

  throwIfAborted(signal);
  const removed = removeMissing ? await store.delete([...known.keys()].filter((id) => !seen.has(id))) : 0;
  await store.compact();
  crashPoint('index-before-manifest');
  await store.updateManifest(source === undefined ? {} : { source });
  return { embedded, unchanged: done - embedded, removed, documents: store.manifest.documents, tokens };
}

/** What the index knows of each id. */
type KnownStates = ReadonlyMap<string, { readonly textHash: string; readonly metadata: string }>;

function addIds(seen: Set<string>, chunk: readonly DocumentRecord[]): void {
  for (const { id } of chunk) {
    if (seen.has(id)) {
      throw new InvalidInputError(`the id "${id}" comes twice in the corpus.`, { hint: 'Ids must be unique.' });
    }
    seen.add(id);
  }
}

interface ChangedRecord {
  readonly record: DocumentRecord;
  readonly hash: string;
}

/** Which documents of a chunk are to be embedded, and which have only new metadata (they count as unchanged too). */
function compare(chunk: readonly DocumentRecord[], known: KnownStates) {
  const changed: ChangedRecord[] = [];
  const relabelled: DocumentRecord[] = [];
  for (const record of chunk) {
    const hash = textHash(record);
    const state = known.get(record.id);
    if (state?.textHash !== hash) changed.push({ record, hash });
    else if (state.metadata !== metadataKey(record)) relabelled.push(record);
  }
  return { unchanged: chunk.length - changed.length, changed, relabelled };
}

async function embed(
  changed: readonly ChangedRecord[],
  encoder: DocumentEncoder,
  signal: AbortSignal | undefined,
  onProgress: (progress: EncodingProgress) => void,
): Promise<StoredDocument[]> {
  if (changed.length === 0) return [];
  const texts = changed.map(({ record }) => documentText(record));
  const vectors = await encoder.embedDocuments(texts, { ...(signal ? { signal } : {}), onProgress });
  if (vectors.length !== texts.length) {
    throw new InvalidInputError(`the encoder gave ${vectors.length} vectors for ${texts.length} texts.`);
  }
  return changed.map(({ record, hash }, index) => toStored(record, hash, vectors[index]!));
}

async function commit(store: VectorStore, documents: readonly StoredDocument[], known: KnownStates): Promise<void> {
  if (documents.length === 0) return;
  crashPoint('index-before-commit');
  // Appending does not look for the ids: cheaper, and enough for a new corpus.
  if (documents.some(({ id }) => known.has(id))) await store.upsert(documents);
  else await store.append(documents);
  crashPoint('index-after-commit');
}

async function knownStates(store: VectorStore): Promise<KnownStates> {
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
