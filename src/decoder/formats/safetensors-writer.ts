import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import { InvalidInputError, throwIfAborted } from '../../errors.js';
import { floatToHalf } from './half-floats.js';

/** One tensor to write. */
export interface TensorSource {
  readonly name: string;
  readonly shape: readonly number[];
  /** The weights, row-major; asked for once, when they are written, and let go at once. */
  readonly data: () => Float32Array | Promise<Float32Array>;
}

export interface WriteSafetensorsOptions {
  /** The header's `__metadata__`. Default: none. */
  readonly metadata?: Readonly<Record<string, string>>;
  /** How weights are stored. Default: `F32`. */
  readonly dtype?: 'F32' | 'F16';
  /** Stops between two tensors; nothing is left behind. */
  readonly signal?: AbortSignal;
}

/**
 * Writes a safetensors file with the tensors in the given order, one in memory at a time. The file appears under its name only
 * when it is complete. Throws InvalidInputError for weights that do not have their shape or do not fit into F16.
 */
export async function writeSafetensors(
  path: string,
  tensors: Iterable<TensorSource>,
  { metadata, dtype = 'F32', signal }: WriteSafetensorsOptions = {},
): Promise<void> {
  const sources = [...tensors];
  const header = headerOf(sources, dtype, metadata, path);
  const temporary = `${path}.${process.pid}.tmp`;
  let file: FileHandle | undefined;
  try {
    file = await open(temporary, 'w');
    await writeAll(file, header);
    for (const source of sources) {
      throwIfAborted(signal);
      const weights = await source.data();
      checkCount(source, weights, path);
      await writeAll(file, dtype === 'F16' ? toHalves(weights, source, path) : bytesOf(weights));
    }
    await file.sync();
    await file.close();
    await rename(temporary, path);
  } catch (error) {
    await file?.close().catch(() => undefined);
    await rm(temporary, { force: true });
    throw error;
  }
}

const countOf = (shape: readonly number[]) => shape.reduce((product, size) => product * size, 1);

function headerOf(
  sources: readonly TensorSource[],
  dtype: 'F32' | 'F16',
  metadata: Readonly<Record<string, string>> | undefined,
  path: string,
): Uint8Array {
  const entries = new Map<string, unknown>(metadata ? [['__metadata__', metadata]] : []);
  let offset = 0;
  for (const { name, shape } of sources) {
    if (name === '' || name === '__metadata__' || entries.has(name)) {
      throw new InvalidInputError(`"${name}" cannot be the name of a tensor, or is there twice`, { where: path });
    }
    const end = offset + countOf(shape) * (dtype === 'F16' ? 2 : 4);
    entries.set(name, { dtype, shape, data_offsets: [offset, end] });
    offset = end;
  }
  const json = JSON.stringify(Object.fromEntries(entries));
  // Spaces up to a multiple of eight, so that readers may map the data as it lies.
  const text = Buffer.from(json + ' '.repeat((8 - (Buffer.byteLength(json) % 8)) % 8));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(text.length));
  return Buffer.concat([length, text]);
}

function checkCount({ name, shape }: TensorSource, weights: Float32Array, path: string): void {
  if (weights.length === countOf(shape)) return;
  throw new InvalidInputError(`got ${weights.length} weights for shape [${shape.join(', ')}]`, {
    where: `${path}: tensor "${name}"`,
  });
}

function bytesOf(array: Float32Array | Uint16Array): Uint8Array {
  return new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
}

/** The bits of an infinite half, without the sign. */
const INFINITE_HALF = 0x7c00;

function toHalves(weights: Float32Array, { name }: TensorSource, path: string): Uint8Array {
  const halves = new Uint16Array(weights.length);
  for (let i = 0; i < weights.length; i++) {
    const weight = weights[i]!;
    const bits = floatToHalf(weight);
    if ((bits & 0x7fff) === INFINITE_HALF && Number.isFinite(weight)) {
      throw new InvalidInputError(`weight ${weight} at ${i} is too large for F16`, {
        where: `${path}: tensor "${name}"`,
        hint: 'Write F32.',
      });
    }
    halves[i] = bits;
  }
  return bytesOf(halves);
}

async function writeAll(file: FileHandle, bytes: Uint8Array): Promise<void> {
  let done = 0;
  while (done < bytes.length) done += (await file.write(bytes, done, bytes.length - done)).bytesWritten;
}
