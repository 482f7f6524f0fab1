import { InvalidInputError } from '../errors.js';
import { type Tensor, tensor } from '../tensor/index.js';
import type { DecoderConfig } from './config.js';

/** Space grows by this many tokens at once: each run passes over the whole space, so it stays close to what is used. */
const GROWTH = 16;

/** Rotated keys, and values, of the tokens a batch of sequences has read. Rows may differ in length. */
export class KeyValueCache {
  readonly #config: DecoderConfig;
  #lengths: number[];
  #capacity = 0;
  /** By layer, `[rows, keyValueHeads, capacity, headSize]`. */
  readonly #keys: Float32Array[];
  readonly #values: Float32Array[];

  constructor(config: DecoderConfig, rows: number) {
    this.#config = config;
    this.#lengths = new Array<number>(rows).fill(0);
    this.#keys = Array.from({ length: config.layers }, () => new Float32Array(0));
    this.#values = Array.from({ length: config.layers }, () => new Float32Array(0));
  }

  get rows(): number {
    return this.#lengths.length;
  }

  /** Tokens in each row. */
  get lengths(): readonly number[] {
    return this.#lengths;
  }

  /** Tokens that a row has space for; at least the longest row's length. */
  get capacity(): number {
    return this.#capacity;
  }

  /** The cache as the graph's `pastKey.N` and `pastValue.N`. */
  feeds(): Record<string, Tensor> {
    const { keyValueHeads, headSize } = this.#config;
    const shape = [this.rows, keyValueHeads, this.#capacity, headSize];
    const feeds: Record<string, Tensor> = {};
    for (let layer = 0; layer < this.#config.layers; layer++) {
      feeds[`pastKey.${layer}`] = tensor('float32', this.#keys[layer]!, shape);
      feeds[`pastValue.${layer}`] = tensor('float32', this.#values[layer]!, shape);
    }
    return feeds;
  }

  /**
   * Adds the first `counts[row]` tokens of a run's outputs to each row.
   *
   * `newKeys` and `newValues` are `[rows, sequence, layers * keyValueHeads * headSize]`.
   */
  append(newKeys: Float32Array, newValues: Float32Array, sequence: number, counts: readonly number[]): void {
    const { layers, keyValueHeads, headSize } = this.#config;
    const needed = Math.max(...counts.map((count, row) => this.#lengths[row]! + count));
    if (needed > this.#capacity) this.#arrange(this.#all(), needed);
    const width = layers * keyValueHeads * headSize;
    for (let row = 0; row < this.rows; row++) {
      for (let token = 0; token < counts[row]!; token++) {
        const position = this.#lengths[row]! + token;
        let source = (row * sequence + token) * width;
        for (let layer = 0; layer < layers; layer++) {
          for (let head = 0; head < keyValueHeads; head++, source += headSize) {
            const target = ((row * keyValueHeads + head) * this.#capacity + position) * headSize;
            copy(newKeys, source, this.#keys[layer]!, target, headSize);
            copy(newValues, source, this.#values[layer]!, target, headSize);
          }
        }
      }
    }
    for (let row = 0; row < this.rows; row++) this.#lengths[row]! += counts[row]!;
  }

  /** Keeps the given rows, in the given order; a row named several times is copied, one not named is dropped. */
  select(rows: readonly number[]): void {
    this.#arrange(this.#named(rows));
  }

  /** Adds copies of the named rows of another cache of the same model after the rows of this one. */
  join(other: KeyValueCache, rows: readonly number[]): void {
    this.#arrange([...this.#all(), ...other.#named(rows)]);
  }

  #all(): CachedRow[] {
    return this.#named([...this.#lengths.keys()]);
  }

  #named(rows: readonly number[]): CachedRow[] {
    return rows.map((row) => {
      const length = this.#lengths[row];
      if (length === undefined) throw new InvalidInputError(`the cache has ${this.rows} rows, no row ${row}`);
      return { cache: this, row, length };
    });
  }

  /** Moves rows of this cache and of others into new space, for the longest of them or for `needed` tokens. */
  #arrange(rows: readonly CachedRow[], needed = Math.max(0, ...rows.map(({ length }) => length))): void {
    const { layers, keyValueHeads, headSize } = this.#config;
    const capacity = Math.ceil(needed / GROWTH) * GROWTH;
    const moved = (ofLayer: (cache: KeyValueCache) => Float32Array) => {
      const target = new Float32Array(rows.length * keyValueHeads * capacity * headSize);
      rows.forEach(({ cache, row, length }, i) => {
        const source = ofLayer(cache);
        for (let head = 0; head < keyValueHeads; head++) {
          const from = (row * keyValueHeads + head) * cache.#capacity * headSize;
          const part = source.subarray(from, from + length * headSize);
          target.set(part, (i * keyValueHeads + head) * capacity * headSize);
        }
      });
      return target;
    };
    // Layer by layer, so that no more than one of them stands in memory twice.
    for (let layer = 0; layer < layers; layer++) {
      this.#keys[layer] = moved((cache) => cache.#keys[layer]!);
      this.#values[layer] = moved((cache) => cache.#values[layer]!);
    }
    this.#lengths = rows.map(({ length }) => length);
    this.#capacity = capacity;
  }
}

/** A row of some cache, and how many tokens it holds. */
interface CachedRow {
  readonly cache: KeyValueCache;
  readonly row: number;
  readonly length: number;
}

/** A loop: for a head's few dozen floats `set(subarray())` spends its time on making views. */
function copy(source: Float32Array, from: number, target: Float32Array, to: number, size: number): void {
  for (let i = 0; i < size; i++) target[to + i] = source[from + i]!;
}
