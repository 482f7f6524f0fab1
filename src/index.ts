/**
 * O1 Embedder: one small language model writes a thought about a query, then embeds query and thought together.
 *
 * @example
 * import { O1Embedder } from 'o1-embedder';
 *
 * const embedder = await O1Embedder.load();
 * const { vector, thoughts } = await embedder.embedQuery('watch a folder for changes', { think: 'always' });
 * await embedder.close();
 */

export {
  type Checkpoint,
  Decoder,
  type DecoderConfig,
  type DecoderOptions,
  type Generation,
  type GenerationSettings,
  generate,
  NUMERIC_MODES,
  type NumericMode,
  openCheckpoint,
  type SamplingSettings,
  type TensorSource,
  type Tokenizer,
  type WriteSafetensorsOptions,
  writeSafetensors,
} from './decoder/index.js';
export {
  type Adapter,
  cosine,
  DEFAULT_ADAPTER,
  type DocumentOptions,
  dot,
  type LoadOptions,
  normalise,
  normalisedMean,
  O1Embedder,
  type O1Settings,
  openAdapter,
  type QueriesOptions,
  type QueryEmbedding,
  type QueryEvent,
  type QueryOptions,
  type Thought,
  type Timings,
} from './embedder/index.js';
export {
  CorruptFileError,
  InvalidInputError,
  MismatchError,
  NotFoundError,
  O1Error,
  type O1ErrorDetails,
} from './errors.js';
export { mean, ndcg, type Qrels, type Run, recall, reciprocalRank, type ScoredDocument } from './metrics/index.js';
export {
  cacheFolder,
  type FetchProgress,
  type ModelFiles,
  modelNames,
  type ResolveModelOptions,
  resolveModel,
} from './models/index.js';
export {
  BadLines,
  Bm25,
  type Bm25Settings,
  type ChunkSettings,
  chunkMarkdown,
  chunkPlainText,
  type DocumentEncoder,
  type DocumentRecord,
  documentText,
  type EncoderIdentity,
  type EncodingProgress,
  type FolderOptions,
  type FusionOptions,
  type IndexManifest,
  type IndexOptions,
  type IndexProgress,
  type IndexReport,
  indexCorpus,
  type JsonlOptions,
  loadBeir,
  type Metadata,
  type MetadataFilter,
  type MetadataValue,
  type OpenStoreOptions,
  openStore,
  type QueryRecord,
  type ReindexOptions,
  type RetrievalSet,
  readFolder,
  readJsonl,
  readManifest,
  readQrels,
  readQueries,
  reciprocalRankFusion,
  reindex,
  type SearchHit,
  type SearchOptions,
  type StoredDocument,
  type StoredState,
  type TokenCounter,
  textHash,
  type VectorStore,
} from './search/index.js';
export {
  type BaseModel,
  type MetricsRecord,
  type Recipe,
  readMetrics,
  readRecipe,
  type TrainEvent,
  type TrainOptions,
  type TrainReport,
  train,
} from './train/index.js';
