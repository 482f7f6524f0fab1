import { vectorFromBase64, vectorToBase64 } from '../../vector-base64.js';
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
