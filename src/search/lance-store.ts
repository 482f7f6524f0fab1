import { InvalidInputError, MismatchError } from '../errors.js';
import {
  type LanceTable,
  openLanceTable,
  scanDocuments,
  scanStates,
  scanStored,
  searchTable,
  toRows,
} from './lance-table.js';
import { generationFolder, type IndexManifest, readManifest, writeManifest } from './manifest.js';
import { sqlString, toCondition } from './metadata-filter.js';
import type { DocumentRecord } from './records.js';
import type { SearchHit, SearchOptions, StoredDocument, StoredState, VectorStore } from './vector-store.js';
import type { WriterLock } from './writer-lock.js';

/** Ids named in one SQL condition. */
const IDS_AT_A_TIME = 500;

export interface LanceStoreParts {
  /** The folder of the index. */
  readonly folder: string;
  readonly manifest: IndexManifest;
  /** Where the manifest is written. */
  readonly manifestFile: string;
  /** Absent in a store for reading only. */
  readonly lock?: WriterLock;
}

/** The vector store in a LanceDB table, one generation of an index folder. */
export class LanceStore implements VectorStore {
  #manifest: IndexManifest;
  readonly #parts: LanceStoreParts;
  readonly #open: LanceTable;

  private constructor(parts: LanceStoreParts, open: LanceTable) {
    this.#parts = parts;
    this.#manifest = parts.manifest;
    this.#open = open;
  }

  /** Opens the table; with a lock it is created where it is missing. */
  static async open(parts: LanceStoreParts): Promise<LanceStore> {
    const { folder, manifest, lock } = parts;
    const tables = generationFolder(folder, manifest.generation);
    return new LanceStore(parts, await openLanceTable(tables, manifest.dimensions, lock !== undefined));
  }

  get manifest(): IndexManifest {
    return this.#manifest;
  }

  async search(vector: Float32Array, options: SearchOptions = {}): Promise<SearchHit[]> {
    const { k = 10, filter } = options;
    if (!Number.isInteger(k) || k < 1) throw new InvalidInputError(`k should be a whole number from 1, got ${k}.`);
    this.#assertVector(vector, 'the query');
    return this.#read(() => searchTable(this.#open.table, vector, k, toCondition(filter)));
  }

  async append(documents: readonly StoredDocument[]): Promise<void> {
    const rows = await this.#toRows(documents);
    if (documents.length > 0) await this.#open.table.add(rows);
  }

  async upsert(documents: readonly StoredDocument[]): Promise<void> {
    const rows = await this.#toRows(documents);
    if (documents.length === 0) return;
    const merge = this.#open.table.mergeInsert('id').whenMatchedUpdateAll().whenNotMatchedInsertAll();
    await merge.execute(rows);
  }

  async delete(ids: readonly string[]): Promise<number> {
    let deleted = 0;
    for (const condition of idConditions(ids)) {
      this.#writer().assertHeld();
      deleted += (await this.#open.table.delete(condition)).numDeletedRows;
    }
    return deleted;
  }

  async get(ids: readonly string[]): Promise<Map<string, StoredDocument>> {
    const found = new Map<string, StoredDocument>();
    for (const condition of idConditions(ids)) {
      for (const document of await this.#read(() => collect(scanStored(this.#open.table, condition)))) {
        found.set(document.id, document);
      }
    }
    return found;
  }

  count(): Promise<number> {
    return this.#read(() => this.#open.table.countRows());
  }

  iterate(): AsyncIterable<StoredDocument> {
    return scanStored(this.#open.table);
  }

  documents(): AsyncIterable<DocumentRecord> {
    return scanDocuments(this.#open.table);
  }

  states(): AsyncIterable<StoredState> {
    return scanStates(this.#open.table);
  }

  async compact(): Promise<void> {
    this.#writer().assertHeld();
    // Old versions go at once, and so do the files of a writer that was killed (`deleteUnverified`): the lock says that
    // no other writer is at work, and a reader that had an old version open reads again (see `#read`).
    await this.#open.table.optimize({ cleanupOlderThan: new Date(), deleteUnverified: true });
  }

  async updateManifest(changes: { readonly source?: string } = {}): Promise<void> {
    this.#writer().assertHeld();
    this.#manifest = { ...this.#manifest, ...changes, documents: await this.count() };
    await writeManifest(this.#parts.manifestFile, this.#manifest);
  }

  async close(): Promise<void> {
    this.#open.table.close();
    this.#open.connection.close();
    await this.#parts.lock?.release();
  }

  #writer(): WriterLock {
    if (this.#parts.lock) return this.#parts.lock;
    throw new InvalidInputError('this index was opened for reading.', {
      where: this.#parts.folder,
      hint: 'Open it with access "write".',
    });
  }

  async #toRows(documents: readonly StoredDocument[]) {
    for (const { id, vector } of documents) this.#assertVector(vector, `document "${id}"`);
    const rows = await toRows(documents, this.#open.schema);
    this.#writer().assertHeld();
    return rows;
  }

  #assertVector(vector: Float32Array, owner: string): void {
    const { dimensions } = this.#manifest;
    if (vector.length !== dimensions) {
      throw new InvalidInputError(`the vector of ${owner} has ${vector.length} dimensions, the index ${dimensions}.`);
    }
    if (!vector.every(Number.isFinite)) {
      throw new InvalidInputError(`the vector of ${owner} holds a value that is not a finite number.`);
    }
  }

  /**
   * Reads, and once again after a failure: the files of an old version go away when a writer compacts the index between
   * the choice of the version and the read.
   */
  async #read<T>(read: () => Promise<T>): Promise<T> {
    try {
      return await read();
    } catch (cause) {
      const { generation } = await readManifest(this.#parts.folder);
      if (!this.#parts.lock && generation !== this.#manifest.generation) {
        throw new MismatchError('the index was rebuilt while it was open.', {
          where: this.#parts.folder,
          hint: 'Open it again.',
          cause,
        });
      }
      return await read();
    }
  }
}

function* idConditions(ids: readonly string[]): Generator<string> {
  for (let start = 0; start < ids.length; start += IDS_AT_A_TIME) {
    const names = ids.slice(start, start + IDS_AT_A_TIME).map(sqlString);
    yield `id IN (${names.join(', ')})`;
  }
}

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = [];
  for await (const item of items) list.push(item);
  return list;
}
