import { createHash } from 'node:crypto';
import { CorruptFileError, throwIfAborted } from '../errors.js';
import { type DocumentRecord, documentText } from '../search/index.js';
import { vectorFromBase64, vectorToBase64 } from '../vector-base64.js';
import type { WorkOptions } from './progress.js';
import { DocumentMatrix } from './ranking/document-matrix.js';
import type { VectorCache } from './vector-cache.js';

/** Documents that are embedded in one call and kept in one file: what is lost at most when the run is killed. */
const BLOCK = 128;

interface Block {
  /** Base64, in the order of the block's texts. */
  readonly vectors: readonly string[];
  readonly seconds: number;
}

export interface EmbeddedCorpus {
  readonly matrix: DocumentMatrix;
  /** Seconds that embedding took, when it was done. */
  readonly seconds: number;
}

/** Vectors of a corpus, from the cache where they are there, else computed block by block. */
export async function embedCorpus(
  documents: readonly DocumentRecord[],
  cache: VectorCache,
  embed: (texts: readonly string[]) => Promise<Float32Array[]>,
  task: string,
  { signal, onProgress }: WorkOptions = {},
): Promise<EmbeddedCorpus> {
  const texts = documents.map(documentText);
  const vectors = new Array<Float32Array>(texts.length);
  let [done, worked, seconds] = [0, 0, 0];
  for (const block of blocksByLength(texts)) {
    throwIfAborted(signal);
    const blockTexts = block.map((i) => texts[i]!);
    const key = ['documents', hashOf(blockTexts)];
    let entry = await cache.get<Block>(key);
    if (!entry) {
      const start = performance.now();
      const computed = await embed(blockTexts);
      entry = { vectors: computed.map(vectorToBase64), seconds: (performance.now() - start) / 1000 };
      await cache.set(key, entry);
      worked += block.length;
    }
    if (entry.vectors.length !== block.length) {
      throw new CorruptFileError(`the cache has ${entry.vectors.length} vectors for ${block.length} documents.`);
    }
    for (const [row, i] of block.entries()) vectors[i] = vectorFromBase64(entry.vectors[row]!);
    seconds += entry.seconds;
    done += block.length;
    onProgress?.({ task, unit: 'documents', done, total: texts.length, worked });
  }
  const ids = documents.map(({ id }) => id);
  return { matrix: new DocumentMatrix(ids, vectors), seconds };
}

/** Positions of texts of like length together, so that a batch has little padding. */
function blocksByLength(texts: readonly string[]): number[][] {
  const order = texts.map((_, i) => i).sort((a, b) => texts[a]!.length - texts[b]!.length || a - b);
  return Array.from({ length: Math.ceil(order.length / BLOCK) }, (_, i) => order.slice(i * BLOCK, (i + 1) * BLOCK));
}

/** JSON keeps where one text ends and the next begins. */
const hashOf = (texts: readonly string[]) => createHash('sha256').update(JSON.stringify(texts)).digest('hex');
