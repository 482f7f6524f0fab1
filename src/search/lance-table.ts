import type { Connection, Table } from '@lancedb/lancedb';
import type { RecordBatch, Schema } from 'apache-arrow';
import { NotFoundError } from '../errors.js';
import { toLabels } from './metadata-filter.js';
import type { DocumentRecord } from './records.js';
import type { SearchHit, StoredDocument, StoredState } from './vector-store.js';

const TABLE = 'documents';

/** A table open in LanceDB, with the schema new rows must have. */
export interface LanceTable {
  readonly connection: Connection;
  readonly table: Table;
  readonly schema: Schema;
}

/**
 * Opens the table in a folder, or creates it where `create` is set. LanceDB is loaded here and not before: it takes a
 * quarter of a second.
 */
export async function openLanceTable(folder: string, dimensions: number, create: boolean): Promise<LanceTable> {
  const [lancedb, schema] = await Promise.all([import('@lancedb/lancedb'), tableSchema(dimensions)]);
  // 0: every read sees the newest commit, also that of another process.
  const connection = await lancedb.connect(folder, { readConsistencyInterval: 0 });
  if (create) {
    const table = await connection.createEmptyTable(TABLE, schema, { mode: 'create', existOk: true });
    return { connection, table, schema };
  }
  if (!(await connection.tableNames()).includes(TABLE)) {
    throw new NotFoundError('the table of the index is missing.', { where: folder, hint: 'Index the corpus again.' });
  }
  return { connection, table: await connection.openTable(TABLE), schema };
}

async function tableSchema(dimensions: number): Promise<Schema> {
  const { Field, FixedSizeList, Float32, List, Schema, Utf8 } = await import('apache-arrow');
  return new Schema([
    new Field('id', new Utf8(), false),
    new Field('text_hash', new Utf8(), false),
    new Field('title', new Utf8(), true),
    new Field('text', new Utf8(), false),
    // The metadata twice: as JSON to give back, as labels to filter by.
    new Field('metadata', new Utf8(), true),
    new Field('labels', new List(new Field('item', new Utf8(), true)), false),
    new Field('vector', new FixedSizeList(dimensions, new Field('item', new Float32(), true)), false),
  ]);
}

/** Documents as rows for LanceDB. */
export async function toRows(documents: readonly StoredDocument[], schema: Schema) {
  const { makeArrowTable } = await import('@lancedb/lancedb');
  const rows = documents.map((document) => ({
    id: document.id,
    text_hash: document.textHash,
    title: document.title ?? null,
    text: document.text,
    metadata: document.metadata ? JSON.stringify(document.metadata) : null,
    labels: toLabels(document.metadata),
    vector: document.vector,
  }));
  return makeArrowTable(rows, { schema });
}

/** A row as LanceDB's queries return it; columns that were not selected are absent. */
interface Row {
  id: string;
  text_hash: string;
  title: string | null;
  text: string;
  metadata: string | null;
  vector: { toArray(): Float32Array };
  _distance: number;
}

const DOCUMENT_COLUMNS = ['id', 'title', 'text', 'metadata'];

function toDocument(row: Row): DocumentRecord {
  return {
    id: row.id,
    ...(row.title === null ? {} : { title: row.title }),
    text: row.text,
    ...(row.metadata === null ? {} : { metadata: JSON.parse(row.metadata) }),
  };
}

function toStored(row: Row): StoredDocument {
  // A copy: the array that Arrow returns is a window on the whole batch.
  return { ...toDocument(row), textHash: row.text_hash, vector: Float32Array.from(row.vector.toArray()) };
}

/** All documents that meet a condition in SQL, in the order of their commits. */
export async function* scanStored(table: Table, condition?: string): AsyncGenerator<StoredDocument> {
  const query = table.query().select([...DOCUMENT_COLUMNS, 'text_hash', 'vector']);
  if (condition) query.where(condition);
  for await (const row of rowsOf(query)) yield toStored(row);
}

export async function* scanDocuments(table: Table): AsyncGenerator<DocumentRecord> {
  for await (const row of rowsOf(table.query().select(DOCUMENT_COLUMNS))) yield toDocument(row);
}

export async function* scanStates(table: Table): AsyncGenerator<StoredState> {
  for await (const row of rowsOf(table.query().select(['id', 'text_hash', 'metadata']))) {
    const metadata = row.metadata === null ? {} : { metadata: JSON.parse(row.metadata) };
    yield { id: row.id, textHash: row.text_hash, ...metadata };
  }
}

/** The k documents with the largest inner product, by a scan of all vectors. */
export async function searchTable(
  table: Table,
  vector: Float32Array,
  k: number,
  condition: string | undefined,
): Promise<SearchHit[]> {
  const query = table.query().nearestTo(vector).distanceType('dot').limit(k);
  query.select([...DOCUMENT_COLUMNS, '_distance']);
  if (condition) query.where(condition);
  const rows = (await query.toArray()) as Row[];
  // LanceDB's dot distance is 1 - dot.
  const hits = rows.map((row) => ({ ...toDocument(row), score: 1 - row._distance }));
  return hits.sort((a, b) => b.score - a.score || (a.id < b.id ? -1 : 1));
}

async function* rowsOf(query: AsyncIterable<RecordBatch>): AsyncGenerator<Row> {
  for await (const batch of query) for (const row of batch) yield row as unknown as Row;
}
