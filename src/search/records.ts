import { createHash } from 'node:crypto';

/** A value by which records can be filtered; a list matches when one of its values does. */
export type MetadataValue = string | number | boolean | readonly (string | number | boolean)[];
export type Metadata = Readonly<Record<string, MetadataValue>>;

/** One document, or one part of a document, as a corpus reader yields it. */
export interface DocumentRecord {
  /** Unique within the corpus. */
  readonly id: string;
  readonly title?: string;
  readonly text: string;
  readonly metadata?: Metadata;
}

/** One query of a data set. */
export interface QueryRecord {
  readonly id: string;
  readonly text: string;
}

/** The text that is embedded and counted by BM25: title, newline, text; the text alone where there is no title. */
export function documentText(record: Pick<DocumentRecord, 'title' | 'text'>): string {
  return record.title ? `${record.title}\n${record.text}` : record.text;
}

/** Name of the hash in the manifest. */
export const TEXT_HASH = 'sha256';

/** sha256 of the embedded text (UTF-8), in hexadecimal: tells whether a document must be embedded again. */
export function textHash(record: Pick<DocumentRecord, 'title' | 'text'>): string {
  return createHash(TEXT_HASH).update(documentText(record)).digest('hex');
}
