import { CorruptFileError } from '../../errors.js';
import type { BoundedFile } from './bounded-file.js';

/** The header goes on after the bytes at hand: read more of the file and parse again. */
export class NeedMoreBytes extends Error {}

/** Reads a GGUF header's values one after another from the first bytes of a file. Nothing is allocated unchecked. */
export class GgufCursor {
  offset = 0;
  /** What is being read, for errors. */
  field = 'header';
  private readonly view: DataView;

  constructor(
    readonly bytes: Uint8Array,
    private readonly file: BoundedFile,
  ) {
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  fail(message: string): never {
    throw new CorruptFileError(message, { where: this.file.at(this.field) });
  }

  /** Moves on by `length` bytes and returns where they start. */
  take(length: number): number {
    const start = this.offset;
    if (start + length > this.file.size) {
      this.fail(`${length} bytes from offset ${start} go beyond the end of the file (${this.file.size} bytes)`);
    }
    if (start + length > this.bytes.length) throw new NeedMoreBytes();
    this.offset = start + length;
    return start;
  }

  uint8 = () => this.view.getUint8(this.take(1));
  int8 = () => this.view.getInt8(this.take(1));
  uint16 = () => this.view.getUint16(this.take(2), true);
  int16 = () => this.view.getInt16(this.take(2), true);
  uint32 = () => this.view.getUint32(this.take(4), true);
  int32 = () => this.view.getInt32(this.take(4), true);
  float32 = () => this.view.getFloat32(this.take(4), true);
  float64 = () => this.view.getFloat64(this.take(8), true);
  /** 64-bit integers become numbers: exact up to 2^53, beyond any count or length a file can have. */
  uint64 = () => Number(this.view.getBigUint64(this.take(8), true));
  int64 = () => Number(this.view.getBigInt64(this.take(8), true));

  bool = (): boolean => {
    const value = this.uint8();
    if (value > 1) this.fail(`expected a boolean (0 or 1), got ${value}`);
    return value === 1;
  };

  /** How many items follow, each at least `itemBytes` long: checked against what is left of the file. */
  count(itemBytes: number, what: string): number {
    const count = this.uint64();
    const left = this.file.size - this.offset;
    if (count * itemBytes > left) this.fail(`${what} ${count} cannot fit in the ${left} bytes that are left`);
    return count;
  }

  string = (): string => {
    const length = this.count(1, 'string length');
    const start = this.take(length);
    this.file.checkAllocation(length, this.field);
    return Buffer.from(this.bytes.buffer, this.bytes.byteOffset + start, length).toString('utf8');
  };
}
