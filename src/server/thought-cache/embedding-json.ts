import type { ServiceEmbedding } from '../service.js';

/** Stands for a vector in JSON: its numbers as base64 of little-endian float32. */
interface VectorJson {
  readonly float32: string;
}

const isVectorJson = (value: unknown): value is VectorJson =>
  typeof value === 'object' && value !== null && typeof (value as VectorJson).float32 === 'string';

/** A query's embedding as JSON, its vectors to the last bit. */
export function embeddingToJson(embedding: ServiceEmbedding): string {
  return JSON.stringify(embedding, (_, value: unknown) =>
    value instanceof Float32Array ? ({ float32: vectorToBase64(value) } satisfies VectorJson) : value,
  );
}

/** The inverse of {@link embeddingToJson}; takes nothing else. */
export function embeddingFromJson(json: string): ServiceEmbedding {
  return JSON.parse(json, (_, value: unknown) => (isVectorJson(value) ? vectorFromBase64(value.float32) : value));
}

/** Base64 of little-endian float32, as the embeddings API has it too. */
export function vectorToBase64(vector: Float32Array): string {
  const bytes = Buffer.alloc(vector.length * 4);
  for (const [i, value] of vector.entries()) bytes.writeFloatLE(value, i * 4);
  return bytes.toString('base64');
}

export function vectorFromBase64(text: string): Float32Array {
  const bytes = Buffer.from(text, 'base64');
  return Float32Array.from({ length: bytes.length / 4 }, (_, i) => bytes.readFloatLE(i * 4));
}
