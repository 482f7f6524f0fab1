import { CorruptFileError, InvalidInputError } from '../../errors.js';
import type { Gguf, GgufValue } from './gguf.js';

/** Typed access to a GGUF's metadata; a missing or ill-typed key is a CorruptFileError that names it. */
export class GgufMetadata {
  constructor(private readonly gguf: Pick<Gguf, 'path' | 'metadata'>) {}

  where(key: string): string {
    return `${this.gguf.path}: metadata "${key}"`;
  }

  has(key: string): boolean {
    return this.gguf.metadata.has(key);
  }

  string(key: string): string {
    const value = this.value(key);
    return typeof value === 'string' ? value : this.wrong(key, 'a string', value);
  }

  bool(key: string): boolean {
    const value = this.value(key);
    return typeof value === 'boolean' ? value : this.wrong(key, 'a boolean', value);
  }

  /** A positive integer. */
  size(key: string): number {
    const value = this.value(key);
    const fits = typeof value === 'number' && Number.isSafeInteger(value) && value > 0;
    return fits ? value : this.wrong(key, 'a positive integer', value);
  }

  /** An integer from 0. */
  count(key: string): number {
    const value = this.value(key);
    const fits = typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
    return fits ? value : this.wrong(key, 'an integer from 0', value);
  }

  /** A positive finite number. */
  positive(key: string): number {
    const value = this.value(key);
    const fits = typeof value === 'number' && Number.isFinite(value) && value > 0;
    return fits ? value : this.wrong(key, 'a positive number', value);
  }

  strings(key: string): readonly string[] {
    const value = this.value(key);
    const fits = Array.isArray(value) && (value.length === 0 || typeof value[0] === 'string');
    return fits ? (value as readonly string[]) : this.wrong(key, 'a list of strings', value);
  }

  numbers(key: string): readonly number[] {
    const value = this.value(key);
    const fits = Array.isArray(value) && (value.length === 0 || typeof value[0] === 'number');
    return fits ? (value as readonly number[]) : this.wrong(key, 'a list of numbers', value);
  }

  /** Refuses any other value than `expected` where the key is there; `otherwise` says what another value would mean. */
  expect(key: string, expected: number, otherwise: string): void {
    const value = this.gguf.metadata.get(key);
    if (value === undefined || value === expected) return;
    throw new InvalidInputError(`is ${describe(value)}, expected ${expected}: ${otherwise} is not supported`, {
      where: this.where(key),
    });
  }

  private value(key: string): GgufValue {
    const value = this.gguf.metadata.get(key);
    if (value === undefined) throw new CorruptFileError('is missing', { where: this.where(key) });
    return value;
  }

  private wrong(key: string, expected: string, value: GgufValue): never {
    throw new CorruptFileError(`expected ${expected}, got ${describe(value)}`, { where: this.where(key) });
  }
}

function describe(value: GgufValue): string {
  return Array.isArray(value) ? `a list of ${value.length}` : JSON.stringify(value);
}
