import { createHash } from 'node:crypto';
import { throwIfAborted } from '../errors.js';
import type { DocumentEncoder, EncodingProgress } from '../search/index.js';

export interface HashingEncoderSettings {
  /** Length of the vectors. Default 64. */
  readonly dimensions?: number;
  /** Part of the fingerprint and of every vector: two seeds are two encoders. Default 0. */
  readonly seed?: number;
  /** Waits this long for each text, to give a test time to interfere. Default 0 ms. */
  readonly delayMs?: number;
  /** Adds a trace of the call's other texts to each vector, as int8 models do. Default false. */
  readonly neighbours?: boolean;
}

/**
 * An encoder without a model: every word is hashed to a place in the vector, and the vector is normalised. Texts that
 * share words are near each other. It records the texts it was given.
 */
export class HashingEncoder implements DocumentEncoder {
  readonly fingerprint: string;
  readonly dimensions: number;
  /** The texts of every call. */
  readonly calls: string[][] = [];
  readonly #settings: HashingEncoderSettings;

  constructor(settings: HashingEncoderSettings = {}) {
    this.#settings = settings;
    this.dimensions = settings.dimensions ?? 64;
    this.fingerprint = `hashing-${settings.seed ?? 0}`;
  }

  /** The vector of one text, `[dimensions]`, of length 1 (or 0 for a text without words). */
  embed(text: string): Float32Array {
    const vector = new Float32Array(this.dimensions);
    for (const word of text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? []) {
      const hash = createHash('sha256')
        .update(`${this.#settings.seed ?? 0} ${word}`)
        .digest();
      vector[hash.readUInt32LE(0) % this.dimensions]! += 1;
    }
    return normalised(vector);
  }

  async embedDocuments(
    texts: readonly string[],
    options: { signal?: AbortSignal; onProgress?: (progress: EncodingProgress) => void } = {},
  ): Promise<Float32Array[]> {
    this.calls.push([...texts]);
    const vectors: Float32Array[] = [];
    let tokens = 0;
    for (const text of texts) {
      throwIfAborted(options.signal);
      if (this.#settings.delayMs) await new Promise((resolve) => setTimeout(resolve, this.#settings.delayMs));
      vectors.push(this.embed(text));
      tokens += text.split(/\s+/).length;
      options.onProgress?.({ done: vectors.length, total: texts.length, tokens });
    }
    if (!this.#settings.neighbours) return vectors;
    const trace = createHash('sha256').update(texts.join('\n')).digest().readUInt32LE(0) / 2 ** 32;
    return vectors.map((vector) => vector.map((value) => value + trace / 1000));
  }
}

function normalised(vector: Float32Array): Float32Array {
  const length = Math.hypot(...vector);
  return length === 0 ? vector : vector.map((value) => value / length);
}
