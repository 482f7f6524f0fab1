import { createHash } from 'node:crypto';
import { mkdir, open, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { crashPoint } from '../../crash-point.js';
import type { EmbedOptions } from '../../encoders/index.js';
import { throwIfAborted } from '../../errors.js';
import { renameDurably } from '../../write-atomically.js';
import { contentKey } from '../content-key.js';

/** Texts of one call of an encoder and of one file: which texts share a call follows from their order alone. */
const CHUNK = 256;

export interface CachedVectorsOptions extends EmbedOptions {
  /** Output folder; the vectors are kept in its `journal/vectors`. */
  readonly output: string;
  /** Of the encoder, and of the way in which it is used. */
  readonly fingerprint: string;
  readonly embed: (texts: readonly string[], options: EmbedOptions) => Promise<Float32Array[]>;
}

/**
 * Vectors of texts, `[texts, dimensions]` in one array, made once for each fingerprint and read from the disk afterwards. A
 * file that is not whole is made again.
 */
export async function cachedVectors(texts: readonly string[], options: CachedVectorsOptions): Promise<Float32Array> {
  const { output, fingerprint, signal, onProgress } = options;
  const encoder = createHash('sha256').update(fingerprint).digest('hex').slice(0, 16);
  const folder = join(output, 'journal', 'vectors', encoder);
  const chunks: Float32Array[] = [];
  for (let start = 0; start < texts.length; start += CHUNK) {
    throwIfAborted(signal);
    const chunk = texts.slice(start, start + CHUNK);
    const path = join(folder, `${contentKey(chunk).slice(0, 32)}.f32`);
    chunks.push((await readChunk(path, chunk.length)) ?? (await makeChunk(path, chunk, options)));
    onProgress?.({ done: start + chunk.length, total: texts.length });
  }
  return concatenated(chunks);
}

async function makeChunk(
  path: string,
  chunk: readonly string[],
  { embed, signal }: CachedVectorsOptions,
): Promise<Float32Array> {
  const vectors = concatenated(await embed(chunk, { signal }));
  await mkdir(dirname(path), { recursive: true });
  const temporary = `${path}.tmp`;
  const file = await open(temporary, 'w');
  try {
    // The number of rows stands first: without it a file cut at a row's end would look whole.
    const head = new Uint32Array([chunk.length, vectors.length]);
    await file.writeFile(Buffer.concat([Buffer.from(head.buffer), Buffer.from(vectors.buffer)]));
    await file.sync();
  } finally {
    await file.close();
  }
  crashPoint('vectors-before-rename');
  await renameDurably(temporary, path);
  return vectors;
}

async function readChunk(path: string, rows: number): Promise<Float32Array | undefined> {
  const bytes = await readFile(path).catch(() => undefined);
  if (bytes === undefined || bytes.length < 8) return undefined;
  // A copy: a buffer of the pool need not begin at a multiple of four.
  const copy = new Uint8Array(bytes).buffer;
  const [count, values] = new Uint32Array(copy, 0, 2);
  if (count !== rows || bytes.length !== 8 + 4 * values!) return undefined;
  return new Float32Array(copy, 8);
}

function concatenated(parts: readonly Float32Array[]): Float32Array {
  const whole = new Float32Array(parts.reduce((sum, { length }) => sum + length, 0));
  let offset = 0;
  for (const part of parts) {
    whole.set(part, offset);
    offset += part.length;
  }
  return whole;
}
