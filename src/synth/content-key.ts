import { createHash } from 'node:crypto';
import { InvalidInputError } from '../errors.js';

/**
 * sha256 (hex) of a JSON value in canonical form: the order of an object's fields does not matter, a field that is `undefined`
 * counts as absent. What JSON cannot hold exactly (NaN, functions, dates, `undefined` in an array) is an error.
 */
export function contentKey(value: unknown): string {
  return createHash('sha256').update(canonicalJson(value, 'value')).digest('hex');
}

function canonicalJson(value: unknown, where: string): string {
  if (value === null || typeof value === 'string' || typeof value === 'boolean' || Number.isFinite(value)) {
    return JSON.stringify(value);
  }
  if (Array.isArray(value)) return `[${value.map((item, i) => canonicalJson(item, `${where}[${i}]`)).join(',')}]`;
  if (typeof value === 'object' && [Object.prototype, null].includes(Object.getPrototypeOf(value))) {
    const fields = Object.entries(value)
      .filter(([, field]) => field !== undefined)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, field]) => `${JSON.stringify(name)}:${canonicalJson(field, `${where}.${name}`)}`);
    return `{${fields.join(',')}}`;
  }
  throw new InvalidInputError(`a content key is made of JSON values only, but this is ${String(value)}`, { where });
}
