/**
 * Clients: this embedder behind the interfaces of other libraries, over HTTP or in the same process. The room does not know
 * how a server is built, nor how a vector is made.
 *
 * This door has what the clients share. Each client is an entry of its own (`o1-embedder/ai-sdk`, `o1-embedder/langchain`), so
 * that a library is loaded only by those who use it.
 */
export { ApiError } from './api-error.js';
export type { EmbeddingRequest, EmbeddingResult, EmbeddingSource, InputType, Think } from './embedding-source.js';
export { type HttpSourceOptions, httpSource } from './http-source.js';
export { type InProcessEmbedder, inProcessSource } from './in-process-source.js';
