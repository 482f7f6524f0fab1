import { z } from 'zod';
import { CorruptFileError, InvalidInputError } from '../../errors.js';
import { BoundedFile } from './bounded-file.js';
import { decodeBfloat16, decodeFloat32, decodeHalf } from './half-floats.js';

/**
 * safetensors files: eight bytes of header length, a JSON header, tensor data.
 * Format and limits as in the `safetensors` library: tensors lie one after another without gaps.
 */

export interface Safetensors {
  readonly path: string;
  /** In the order of the data. */
  readonly names: readonly string[];
  /** The header's `__metadata__`. */
  readonly metadata: Readonly<Record<string, string>>;
  has(name: string): boolean;
  shape(name: string): readonly number[];
  /** `F32`, `F16`, `BF16`, ... */
  dtype(name: string): string;
  /** Throws for a tensor that is not there or whose dtype cannot be read. */
  checkReadable(name: string): void;
  /** The tensor as fp32, row-major. F32, F16 and BF16 only. */
  read(name: string): Promise<Float32Array>;
  close(): Promise<void>;
}

interface Entry {
  readonly name: string;
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly offset: number;
  readonly bytes: number;
}

/** The library's own limit for the header. */
const MAX_HEADER_BYTES = 100_000_000;

const DTYPE_BYTES: ReadonlyMap<string, number> = new Map([
  ['F64', 8],
  ['F32', 4],
  ['F16', 2],
  ['BF16', 2],
  ['F8_E4M3', 1],
  ['F8_E5M2', 1],
  ['I64', 8],
  ['U64', 8],
  ['I32', 4],
  ['U32', 4],
  ['I16', 2],
  ['U16', 2],
  ['I8', 1],
  ['U8', 1],
  ['BOOL', 1],
]);

const DECODE: ReadonlyMap<string, (bytes: Uint8Array) => Float32Array> = new Map([
  ['F32', decodeFloat32],
  ['F16', decodeHalf],
  ['BF16', decodeBfloat16],
]);

const size = z.int().nonnegative();
const entrySchema = z.strictObject({ dtype: z.string(), shape: z.array(size), data_offsets: z.tuple([size, size]) });
const metadataSchema = z.record(z.string(), z.string());

/** Opens a safetensors file and checks its header. Throws CorruptFileError naming the field that is wrong. */
export async function openSafetensors(path: string): Promise<Safetensors> {
  const file = await BoundedFile.open(path);
  try {
    const { entries, metadata } = await readHeader(file);
    return safetensorsFrom(file, entries, metadata);
  } catch (error) {
    await file.close();
    throw error;
  }
}

function safetensorsFrom(file: BoundedFile, entries: readonly Entry[], metadata: Record<string, string>): Safetensors {
  const byName = new Map(entries.map((entry) => [entry.name, entry]));
  const entry = (name: string) => {
    const found = byName.get(name);
    if (!found) throw new InvalidInputError(`has no tensor "${name}"`, { where: file.path });
    return found;
  };
  const decoder = (name: string) => {
    const { dtype } = entry(name);
    const decode = DECODE.get(dtype);
    if (decode) return decode;
    throw new InvalidInputError(`dtype ${dtype} cannot be read (only ${[...DECODE.keys()].join(', ')})`, {
      where: file.at(`tensor "${name}"`),
    });
  };
  return {
    path: file.path,
    names: entries.map(({ name }) => name),
    metadata,
    has: (name) => byName.has(name),
    shape: (name) => entry(name).shape,
    dtype: (name) => entry(name).dtype,
    checkReadable: (name) => {
      decoder(name);
    },
    async read(name) {
      const { offset, bytes } = entry(name);
      return decoder(name)(await file.read(offset, bytes, `tensor "${name}"`));
    },
    close: () => file.close(),
  };
}

async function readHeader(file: BoundedFile): Promise<{ entries: Entry[]; metadata: Record<string, string> }> {
  const prefix = await file.read(0, 8, 'header length');
  const length = Number(new DataView(prefix.buffer).getBigUint64(0, true));
  if (length > Math.min(MAX_HEADER_BYTES, file.size - 8)) {
    throw new CorruptFileError(`says ${length} bytes, but the file has ${file.size}`, {
      where: file.at('header length'),
    });
  }
  const header = parseJson(await file.read(8, length, 'header'), file);
  const { __metadata__: metadata = {}, ...tensors } = header;
  const checked = metadataSchema.safeParse(metadata);
  if (!checked.success) {
    throw new CorruptFileError('expected strings by name', { where: file.at('header field "__metadata__"') });
  }
  const dataStart = 8 + length;
  const entries = Object.entries(tensors)
    .map(([name, value]) => parseEntry(name, value, dataStart, file))
    .sort((a, b) => a.offset - b.offset || a.bytes - b.bytes);
  checkRanges(entries, dataStart, file);
  return { entries, metadata: checked.data };
}

function parseJson(bytes: Uint8Array, file: BoundedFile): Record<string, unknown> {
  let header: unknown;
  try {
    header = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (error) {
    throw new CorruptFileError(`is not JSON: ${(error as Error).message}`, { where: file.at('header'), cause: error });
  }
  if (typeof header !== 'object' || header === null || Array.isArray(header)) {
    throw new CorruptFileError('expected a JSON object', { where: file.at('header') });
  }
  return header as Record<string, unknown>;
}

function parseEntry(name: string, value: unknown, dataStart: number, file: BoundedFile): Entry {
  const where = file.at(`tensor "${name}"`);
  if (name === '') throw new CorruptFileError('a tensor without a name', { where: file.at('header') });
  const checked = entrySchema.safeParse(value);
  if (!checked.success) {
    const issue = checked.error.issues[0]!;
    throw new CorruptFileError(`${['', ...issue.path].join('.').slice(1)} ${issue.message}`, { where });
  }
  const { dtype, shape, data_offsets } = checked.data;
  const [begin, end] = data_offsets;
  const weightBytes = DTYPE_BYTES.get(dtype);
  if (weightBytes === undefined) throw new CorruptFileError(`unknown dtype "${dtype}"`, { where });
  const expected = shape.reduce((product, dimension) => product * dimension, weightBytes);
  if (end - begin !== expected) {
    throw new CorruptFileError(
      `shape [${shape.join(', ')}] of ${dtype} needs ${expected} bytes, but data_offsets give ${end - begin}`,
      { where },
    );
  }
  return { name, dtype, shape, offset: dataStart + begin, bytes: expected };
}

/** The tensors fill the file from the end of the header to its last byte, without gaps and without sharing bytes. */
function checkRanges(entries: readonly Entry[], dataStart: number, file: BoundedFile): void {
  let end = dataStart;
  for (const { name, offset, bytes } of entries) {
    if (offset !== end) {
      throw new CorruptFileError(`its data begins at byte ${offset}, expected ${end}: a gap or an overlap`, {
        where: file.at(`tensor "${name}"`),
      });
    }
    end = offset + bytes;
  }
  if (end !== file.size) {
    throw new CorruptFileError(`the header describes ${end} bytes, but the file has ${file.size}`, {
      where: file.at('header'),
      hint: 'The file may be incomplete: fetch it again.',
    });
  }
}
