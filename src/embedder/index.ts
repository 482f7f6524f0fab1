/**
 * The thinking embedder: the token sequence, instant and thought vectors, thinking. This room does not know how a token
 * is computed.
 */
export { normalise } from '../normalise.js';
export { type Adapter, DEFAULT_ADAPTER, openAdapter } from './adapter.js';
export {
  type AutoDecision,
  type AutoRule,
  decide,
  marginOf,
  type QuerySignals,
} from './auto-rule.js';
export { type AutoSample, chooseAutoRule } from './choose-auto-rule.js';
export type { ModelRun, OnRun } from './model-run.js';
export { type DocumentOptions, type LoadOptions, O1Embedder, type QueriesOptions } from './o1-embedder.js';
export type { QueryEmbedding, QueryEvent, QueryOptions, Thought, Timings } from './query-embedding.js';
export { Sequences } from './sequence.js';
export { type O1Settings, parseJsonFile, SEQUENCE_VERSION, settingsSchema } from './settings.js';
export { type BatchEvent, type BatchRequest, ThinkingBatch } from './thinking-batch.js';
export { cosine, dot, finalVector, normalisedMean } from './vectors.js';
