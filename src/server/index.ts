/**
 * Serving: one process that thinks, embeds and searches for many callers at once.
 *
 * A scheduler shares one model among queries, thoughts and documents; a service puts it into a worker thread; `createApp()`
 * speaks HTTP over it, and only `listen.ts` opens a socket. The room does not know how a token is computed.
 */

export { type AppOptions, createApp } from './app.js';
export type { SearchableStore } from './http/answers.js';
export { type Listening, type ListenOptions, listen } from './listen.js';
export { localService } from './local-service.js';
export { createMcpServer, type McpCollection, type McpServerOptions } from './mcp/mcp-server.js';
export { type StdioOptions, serveStdio } from './mcp/serve-stdio.js';
export { type Engine, type EngineBatch, engineOf } from './scheduler/engine.js';
export type { SchedulerSettings } from './scheduler/scheduler.js';
export {
  type DocumentInput,
  type EmbeddingService,
  type QueryUsage,
  queryEmbedding,
  type ServiceDocumentOptions,
  type ServiceEmbedding,
  type ServiceEvent,
  type ServiceStatus,
} from './service.js';
export { QueueFullError, ServiceUnavailableError } from './service-errors.js';
export { cachedService } from './thought-cache/cached-service.js';
export { ThoughtCache, type ThoughtCacheSettings } from './thought-cache/thought-cache.js';
export { loadService } from './worker/load-service.js';
export { type WorkerServiceOptions, workerService } from './worker/worker-service.js';
