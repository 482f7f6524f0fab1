/**
 * Search: documents go in, the best ones for a query come out.
 *
 * Corpus readers (BEIR, JSONL, folders of Markdown), an index of vectors on disk behind one interface, BM25 beside it, and
 * the fusion of rankings. The room knows no model: whatever makes vectors is a `DocumentEncoder`, and a query comes as a
 * vector. The vector database stands behind `VectorStore` and nowhere else.
 */
export { BadLines } from './bad-lines.js';
export { loadBeir, type RetrievalSet, readQrels, readQueries } from './beir.js';
export { Bm25, type Bm25Settings } from './bm25.js';
export type { DocumentEncoder, EncoderIdentity, EncodingProgress } from './document-encoder.js';
export { type FolderOptions, readFolder } from './folder.js';
export { type IndexOptions, type IndexProgress, type IndexReport, indexCorpus } from './index-corpus.js';
export { type JsonlOptions, readJsonl } from './jsonl.js';
export { type Line, readLines } from './lines.js';
export { type IndexManifest, readManifest } from './manifest.js';
export { type ChunkSettings, chunkMarkdown, chunkPlainText } from './markdown-chunks.js';
export type { MetadataFilter } from './metadata-filter.js';
export { type OpenStoreOptions, openStore } from './open-store.js';
export { type FusionOptions, reciprocalRankFusion } from './reciprocal-rank-fusion.js';
export {
  type DocumentRecord,
  documentText,
  type Metadata,
  type MetadataValue,
  type QueryRecord,
  textHash,
} from './records.js';
export { type ReindexOptions, reindex } from './reindex.js';
export type { TokenCounter } from './split-text.js';
export type { SearchHit, SearchOptions, StoredDocument, StoredState, VectorStore } from './vector-store.js';
