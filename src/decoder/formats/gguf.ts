import { InvalidInputError } from '../../errors.js';
import { BoundedFile } from './bounded-file.js';
import { DEQUANTISE } from './dequantise.js';
import { type GgufHeader, type GgufTensor, type GgufValue, readGgufHeader } from './gguf-header.js';

export type { GgufTensor, GgufValue } from './gguf-header.js';

/** An opened GGUF file. */
export interface Gguf {
  readonly path: string;
  readonly metadata: ReadonlyMap<string, GgufValue>;
  readonly tensors: ReadonlyMap<string, GgufTensor>;
  /** Throws for a tensor that is not there or is in a block format that cannot be read. */
  checkReadable(name: string): void;
  /** The tensor dequantised to fp32. */
  read(name: string): Promise<Float32Array>;
  close(): Promise<void>;
}

/** Opens a GGUF file and reads its header. Throws CorruptFileError naming the field that is wrong. */
export async function openGguf(path: string): Promise<Gguf> {
  const file = await BoundedFile.open(path);
  try {
    return ggufFrom(file, await readGgufHeader(file));
  } catch (error) {
    await file.close();
    throw error;
  }
}

function ggufFrom(file: BoundedFile, { metadata, tensors }: GgufHeader): Gguf {
  const readable = (name: string) => {
    const tensor = tensors.get(name);
    if (!tensor) throw new InvalidInputError(`has no tensor "${name}"`, { where: file.path });
    const decode = DEQUANTISE.get(tensor.type.name);
    if (decode) return { tensor, decode };
    throw new InvalidInputError(`block format ${tensor.type.name} cannot be read`, {
      where: file.at(`tensor "${name}"`),
      hint: `Use a file with ${[...DEQUANTISE.keys()].join(', ')}.`,
    });
  };
  return {
    path: file.path,
    metadata,
    tensors,
    checkReadable: (name) => {
      readable(name);
    },
    async read(name) {
      const { tensor, decode } = readable(name);
      // The fp32 weights take at most 7.2 times these bytes (Q4_0), and the bytes are really there.
      const bytes = await file.read(tensor.offset, tensor.bytes, `tensor "${name}"`);
      return decode(bytes, (tensor.bytes / tensor.type.blockBytes) * tensor.type.blockSize);
    },
    close: () => file.close(),
  };
}
