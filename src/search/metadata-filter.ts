import type { Metadata } from './records.js';

type Scalar = string | number | boolean;

/**
 * Which documents a search may return: every named field must have the value given, or one of the values. A field that
 * is a list has a value when the list holds it.
 */
export type MetadataFilter = Readonly<Record<string, Scalar | readonly Scalar[]>>;

/** Metadata as a list of labels `"field":value` in JSON, which can be compared exactly whatever the fields are. */
export function toLabels(metadata: Metadata = {}): string[] {
  return Object.entries(metadata).flatMap(([field, value]) => labelsOf(field, value));
}

/** The condition on the column `labels`, in SQL; `undefined` when the filter lets everything pass. */
export function toCondition(filter: MetadataFilter = {}): string | undefined {
  const conditions = Object.entries(filter).map(([field, value]) => {
    const alternatives = labelsOf(field, value).map((label) => `array_has(labels, ${sqlString(label)})`);
    return alternatives.length === 0 ? 'false' : `(${alternatives.join(' OR ')})`;
  });
  return conditions.length === 0 ? undefined : conditions.join(' AND ');
}

/** A string literal of SQL: quotes are doubled, nothing else is special. */
export function sqlString(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

function labelsOf(field: string, value: Scalar | readonly Scalar[]): string[] {
  const values = Array.isArray(value) ? (value as readonly Scalar[]) : [value as Scalar];
  return values.map((one) => `${JSON.stringify(field)}:${JSON.stringify(one)}`);
}
