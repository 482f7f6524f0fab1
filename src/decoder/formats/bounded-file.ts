import { type FileHandle, open } from 'node:fs/promises';
import { CorruptFileError, NotFoundError, O1Error } from '../../errors.js';

/** A header may never make the reader allocate more than this many times the size of its file. */
const ALLOCATION_FACTOR = 2;

/**
 * A file opened for reading whose own statements about lengths and counts are not trusted: every buffer for its content is
 * allocated here, after a check against the size of the file.
 */
export class BoundedFile {
  /** The largest buffer handed out so far, in bytes; tests hold it against the size of the file. */
  largestAllocation = 0;

  private constructor(
    readonly path: string,
    readonly size: number,
    private readonly handle: FileHandle,
  ) {}

  static async open(path: string): Promise<BoundedFile> {
    let handle: FileHandle | undefined;
    try {
      handle = await open(path, 'r');
      const status = await handle.stat();
      if (!status.isFile()) throw new O1Error('expected a file', { where: path });
      return new BoundedFile(path, status.size, handle);
    } catch (error) {
      await handle?.close();
      if (error instanceof O1Error) throw error;
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') throw new NotFoundError('no such file', { where: path });
      throw new O1Error(`cannot be opened: ${(error as Error).message}`, { where: path, cause: error });
    }
  }

  /** A `where` for an error: the path and a field of the file. */
  at(field: string): string {
    return `${this.path}: ${field}`;
  }

  /** Refuses an allocation that the size of the file cannot justify; `field` is the field that asked for it. */
  checkAllocation(bytes: number, field: string): void {
    if (!Number.isSafeInteger(bytes) || bytes < 0 || bytes > ALLOCATION_FACTOR * this.size) {
      throw new CorruptFileError(`asks for ${bytes} bytes, but the file has ${this.size}`, { where: this.at(field) });
    }
    this.largestAllocation = Math.max(this.largestAllocation, bytes);
  }

  /** Exactly `length` bytes from `offset`, in a buffer of their own (so that typed arrays over it are aligned). */
  async read(offset: number, length: number, field: string): Promise<Uint8Array> {
    if (offset < 0 || offset + length > this.size) {
      throw new CorruptFileError(`bytes ${offset} to ${offset + length} lie outside the file's ${this.size}`, {
        where: this.at(field),
      });
    }
    this.checkAllocation(length, field);
    const bytes = new Uint8Array(new ArrayBuffer(length));
    let done = 0;
    while (done < length) {
      const { bytesRead } = await this.handle.read(bytes, done, length - done, offset + done);
      if (bytesRead === 0)
        throw new CorruptFileError('the file became shorter while it was read', { where: this.at(field) });
      done += bytesRead;
    }
    return bytes;
  }

  close(): Promise<void> {
    return this.handle.close();
  }
}
