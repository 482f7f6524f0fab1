import { CorruptFileError } from '../../errors.js';
import type { BoundedFile } from './bounded-file.js';
import { GgufCursor, NeedMoreBytes } from './gguf-cursor.js';
import { GGML_TYPES, type GgmlType } from './gguf-types.js';

/**
 * The header of a GGUF file (versions 2 and 3, little-endian): metadata and where the tensors are.
 * Format: docs/gguf.md of ggml. Every length and count is hostile until it has been held against the size of the file.
 */

export type GgufValue = string | number | boolean | readonly (string | number | boolean)[];

export interface GgufTensor {
  readonly name: string;
  /** Row-major, outermost dimension first (GGUF itself stores the innermost first). */
  readonly shape: readonly number[];
  readonly type: GgmlType;
  /** Bytes from the start of the file. */
  readonly offset: number;
  readonly bytes: number;
}

export interface GgufHeader {
  readonly metadata: Map<string, GgufValue>;
  readonly tensors: Map<string, GgufTensor>;
}

const MAGIC = 0x46554747; // "GGUF"
const DEFAULT_ALIGNMENT = 32;
/** ggml's GGML_MAX_DIMS. */
const MAX_DIMENSIONS = 4;
/** Enough for the header of most models (its bulk is the vocabulary) in one read. */
const FIRST_READ = 4 * 1024 * 1024;

/** Reads and checks the header. Throws CorruptFileError naming the field that is wrong. */
export async function readGgufHeader(file: BoundedFile): Promise<GgufHeader> {
  for (let length = FIRST_READ; ; length *= 2) {
    const bytes = await file.read(0, Math.min(length, file.size), 'header');
    try {
      return parseHeader(new GgufCursor(bytes, file), file);
    } catch (error) {
      if (!(error instanceof NeedMoreBytes)) throw error;
    }
  }
}

function parseHeader(cursor: GgufCursor, file: BoundedFile): GgufHeader {
  cursor.field = 'magic';
  if (cursor.uint32() !== MAGIC) cursor.fail('expected "GGUF" at the start: this is not a GGUF file');
  cursor.field = 'version';
  const version = cursor.uint32();
  if (version !== 2 && version !== 3) {
    const hint = version >>> 0 >= 0x01000000 ? ' (a big-endian file?)' : '';
    cursor.fail(`expected GGUF version 2 or 3, got ${version}${hint}`);
  }
  // Least sizes: a tensor entry is name length 8, dimension count 4, one dimension 8, type 4, offset 8; a metadata entry is
  // key length 8, type 4, value 1.
  cursor.field = 'tensor count';
  const tensorCount = cursor.count(32, 'count');
  cursor.field = 'metadata count';
  const metadataCount = cursor.count(13, 'count');

  const metadata = new Map<string, GgufValue>();
  for (let i = 0; i < metadataCount; i++) {
    cursor.field = `key of metadata entry ${i + 1} of ${metadataCount}`;
    const key = cursor.string();
    if (key === '' || metadata.has(key)) cursor.fail(key === '' ? 'is empty' : `"${key}" appears twice`);
    cursor.field = `metadata "${key}"`;
    metadata.set(key, parseValue(cursor, file));
  }
  return { metadata, tensors: parseTensors(cursor, tensorCount, alignmentOf(metadata, file), file) };
}

const ARRAY = 9;

/** Readers and least sizes in bytes by GGUF value type. */
function scalarReader(cursor: GgufCursor, type: number): { read: () => string | number | boolean; bytes: number } {
  switch (type) {
    case 0:
      return { read: cursor.uint8, bytes: 1 };
    case 1:
      return { read: cursor.int8, bytes: 1 };
    case 2:
      return { read: cursor.uint16, bytes: 2 };
    case 3:
      return { read: cursor.int16, bytes: 2 };
    case 4:
      return { read: cursor.uint32, bytes: 4 };
    case 5:
      return { read: cursor.int32, bytes: 4 };
    case 6:
      return { read: cursor.float32, bytes: 4 };
    case 7:
      return { read: cursor.bool, bytes: 1 };
    case 8:
      return { read: cursor.string, bytes: 8 };
    case 10:
      return { read: cursor.uint64, bytes: 8 };
    case 11:
      return { read: cursor.int64, bytes: 8 };
    case 12:
      return { read: cursor.float64, bytes: 8 };
    default:
      return cursor.fail(
        type === ARRAY
          ? 'an array of arrays: no model format uses one'
          : `unknown value type ${type} (expected 0 to 12)`,
      );
  }
}

function parseValue(cursor: GgufCursor, file: BoundedFile): GgufValue {
  const type = cursor.uint32();
  if (type !== ARRAY) return scalarReader(cursor, type).read();
  const { read, bytes } = scalarReader(cursor, cursor.uint32());
  const count = cursor.count(bytes, 'array length');
  // A slot of a JavaScript array takes eight bytes, whatever the file's items take.
  file.checkAllocation(count * 8, cursor.field);
  return Array.from({ length: count }, read);
}

function alignmentOf(metadata: ReadonlyMap<string, GgufValue>, file: BoundedFile): number {
  const alignment = metadata.get('general.alignment') ?? DEFAULT_ALIGNMENT;
  if (typeof alignment !== 'number' || !Number.isInteger(alignment) || alignment <= 0 || alignment % 8 !== 0) {
    throw new CorruptFileError(`expected a positive multiple of 8, got ${String(alignment)}`, {
      where: file.at('metadata "general.alignment"'),
    });
  }
  return alignment;
}

function parseTensors(
  cursor: GgufCursor,
  count: number,
  alignment: number,
  file: BoundedFile,
): Map<string, GgufTensor> {
  const relative: GgufTensor[] = [];
  const names = new Set<string>();
  for (let i = 0; i < count; i++) {
    cursor.field = `name of tensor ${i + 1} of ${count}`;
    const name = cursor.string();
    if (name === '' || names.has(name)) cursor.fail(name === '' ? 'is empty' : `"${name}" appears twice`);
    names.add(name);
    cursor.field = `tensor "${name}"`;
    relative.push(parseTensor(cursor, name, alignment));
  }
  // Tensor data starts at the next multiple of the alignment after the header; offsets count from there.
  const start = Math.ceil(cursor.offset / alignment) * alignment;
  const tensors = relative.map((tensor) => ({ ...tensor, offset: start + tensor.offset }));
  checkRanges(tensors, file);
  return new Map(tensors.map((tensor) => [tensor.name, tensor]));
}

function parseTensor(cursor: GgufCursor, name: string, alignment: number): GgufTensor {
  const dimensions = cursor.uint32();
  if (dimensions < 1 || dimensions > MAX_DIMENSIONS) {
    cursor.fail(`expected 1 to ${MAX_DIMENSIONS} dimensions, got ${dimensions}`);
  }
  const inner = Array.from({ length: dimensions }, cursor.uint64);
  const code = cursor.uint32();
  const type = GGML_TYPES.get(code) ?? cursor.fail(`unknown tensor type ${code}`);
  const weights = inner.reduce((product, size) => product * size, 1);
  if (weights < 1 || !Number.isSafeInteger(weights)) cursor.fail(`impossible dimensions ${inner.join(' x ')}`);
  if (inner[0]! % type.blockSize !== 0) {
    cursor.fail(`rows of ${inner[0]} weights are no multiple of ${type.name}'s block of ${type.blockSize}`);
  }
  const offset = cursor.uint64();
  if (offset % alignment !== 0) cursor.fail(`offset ${offset} is no multiple of the alignment ${alignment}`);
  return { name, shape: inner.reverse(), type, offset, bytes: (weights / type.blockSize) * type.blockBytes };
}

/** Each tensor's bytes lie inside the file, and no two share any. */
function checkRanges(tensors: readonly GgufTensor[], file: BoundedFile): void {
  let previous: GgufTensor | undefined;
  for (const tensor of [...tensors].sort((a, b) => a.offset - b.offset)) {
    const where = file.at(`tensor "${tensor.name}"`);
    const end = tensor.offset + tensor.bytes;
    if (end > file.size) {
      throw new CorruptFileError(`its bytes ${tensor.offset} to ${end} go beyond the end of the file (${file.size})`, {
        where,
        hint: 'The file may be incomplete: fetch it again.',
      });
    }
    if (previous && tensor.offset < previous.offset + previous.bytes) {
      throw new CorruptFileError(`its bytes overlap those of "${previous.name}"`, { where });
    }
    previous = tensor;
  }
}
