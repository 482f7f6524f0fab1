import { InvalidInputError } from '../errors.js';
import { type BadLines, parseLine } from './bad-lines.js';
import { type Line, readLines } from './lines.js';
import type { DocumentRecord, Metadata, MetadataValue } from './records.js';

export interface JsonlOptions {
  /** Names of the fields. Default: `_id`, `title`, `text`, as in BEIR. */
  readonly fields?: { readonly id?: string; readonly title?: string; readonly text?: string };
  /** Fields to keep as metadata. Default: what stands in the object `metadata`, where there is one. */
  readonly metadataFields?: readonly string[];
  /** Collects bad lines instead of throwing at the first. */
  readonly badLines?: BadLines;
}

/**
 * Documents from a file with one JSON object a line (`.jsonl` or `.jsonl.gz`), one after the other.
 *
 * The id is a string or a number, the text a string, the title a string or absent. Of the metadata, strings, numbers,
 * booleans and lists of them are kept. Blank lines, a byte order mark and Windows line endings are fine.
 *
 * @throws InvalidInputError with file, line and field at a bad line or at an id that was there before.
 */
export async function* readJsonl(path: string, options: JsonlOptions = {}): AsyncGenerator<DocumentRecord> {
  const { id: idField = '_id', title: titleField = 'title', text: textField = 'text' } = options.fields ?? {};
  const seen = new Map<string, string>();
  for await (const line of readLines(path, options.badLines)) {
    const record = parseLine(options.badLines, () => {
      const object = parseObject(line);
      const id = idOf(object, idField, line);
      const earlier = seen.get(id);
      if (earlier !== undefined) {
        throw new InvalidInputError(`field "${idField}": the id "${id}" stands already in ${earlier}.`, {
          where: line.where,
          hint: 'Ids must be unique.',
        });
      }
      const title = object[titleField] == null ? '' : stringOf(object, titleField, line);
      const text = stringOf(object, textField, line);
      const metadata = metadataOf(object, options.metadataFields);
      seen.set(id, line.where);
      return { id, text, ...(title === '' ? {} : { title }), ...(metadata ? { metadata } : {}) };
    });
    if (record) yield record;
  }
}

/** The JSON object on a line. */
export function parseObject(line: Line): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(line.text);
  } catch (cause) {
    throw new InvalidInputError(`expected a JSON object: ${(cause as Error).message}.`, { where: line.where, cause });
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new InvalidInputError(`expected a JSON object, found ${describe(value)}.`, { where: line.where });
  }
  return value as Record<string, unknown>;
}

export function idOf(object: Record<string, unknown>, field: string, line: Line): string {
  const value = object[field];
  if ((typeof value === 'string' && value !== '') || typeof value === 'number') return String(value);
  throw new InvalidInputError(`field "${field}": expected a string or a number, found ${describe(value)}.`, {
    where: line.where,
  });
}

export function stringOf(object: Record<string, unknown>, field: string, line: Line): string {
  const value = object[field];
  if (typeof value === 'string') return value;
  throw new InvalidInputError(`field "${field}": expected a string, found ${describe(value)}.`, { where: line.where });
}

function metadataOf(object: Record<string, unknown>, fields: readonly string[] | undefined): Metadata | undefined {
  const source = fields ? Object.fromEntries(fields.map((field) => [field, object[field]])) : object.metadata;
  if (typeof source !== 'object' || source === null) return undefined;
  const kept = Object.entries(source).filter((entry): entry is [string, MetadataValue] => isMetadataValue(entry[1]));
  return kept.length === 0 ? undefined : Object.fromEntries(kept);
}

function isMetadataValue(value: unknown): value is MetadataValue {
  return Array.isArray(value) ? value.every(isScalar) : isScalar(value);
}

function isScalar(value: unknown): boolean {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean';
}

function describe(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (value === '') return 'an empty string';
  const json = JSON.stringify(value);
  return json.length > 40 ? `${json.slice(0, 40)}…` : json;
}
