import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { fixture } from '../../../test/fixtures/tiny-models/tiny-model.js';
import { CorruptFileError } from '../../errors.js';
import { openGguf } from './gguf.js';

let folder: string;
let path: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'gguf-'));
  path = join(folder, 'lying.gguf');
});
afterAll(() => rm(folder, { recursive: true }));

/** Writes little-endian GGUF headers, lies included. */
class Header {
  private readonly parts: Buffer[] = [];

  constructor(tensors: number | bigint, metadata: number | bigint, { magic = 'GGUF', version = 3 } = {}) {
    this.parts.push(Buffer.from(magic));
    this.u32(version).u64(tensors).u64(metadata);
  }
  u8(value: number): this {
    this.parts.push(Buffer.from([value]));
    return this;
  }
  u32(value: number): this {
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32LE(value);
    this.parts.push(bytes);
    return this;
  }
  u64(value: number | bigint): this {
    const bytes = Buffer.alloc(8);
    bytes.writeBigUInt64LE(BigInt(value));
    this.parts.push(bytes);
    return this;
  }
  text(value: string): this {
    this.u64(Buffer.byteLength(value));
    this.parts.push(Buffer.from(value));
    return this;
  }
  tensor(name: string, shape: (number | bigint)[], type: number, offset: number | bigint): this {
    this.text(name).u32(shape.length);
    for (const size of shape) this.u64(size);
    return this.u32(type).u64(offset);
  }
  /** The header, and tensor data from the next multiple of 32. */
  bytes(dataBytes = 0): Buffer {
    const header = Buffer.concat(this.parts);
    return Buffer.concat([header, Buffer.alloc(dataBytes === 0 ? 0 : ((32 - (header.length % 32)) % 32) + dataBytes)]);
  }
}

async function open(bytes: Uint8Array) {
  await writeFile(path, bytes);
  const file = await openGguf(path);
  await file.close();
  return file;
}

const F32 = 0;
const MAX = 2n ** 64n - 1n;

test('every kind of metadata value', async () => {
  const file = await open(
    new Header(0, 4)
      .text('bool')
      .u32(7)
      .u8(1)
      .text('text')
      .u32(8)
      .text('ünï')
      .text('list')
      .u32(9)
      .u32(4)
      .u64(2)
      .u32(7)
      .u32(9)
      .text('long')
      .u32(10)
      .u64(2n ** 40n)
      .bytes(),
  );
  expect(Object.fromEntries(file.metadata)).toEqual({ bool: true, text: 'ünï', list: [7, 9], long: 2 ** 40 });
});

test('version 2 is read, and the alignment of the metadata is kept', async () => {
  const header = new Header(1, 1, { version: 2 }).text('general.alignment').u32(4).u32(8).tensor('a', [2], F32, 0);
  const bytes = header.bytes();
  const start = Math.ceil(bytes.length / 8) * 8;
  const whole = Buffer.alloc(start + 8);
  bytes.copy(whole);
  whole.writeFloatLE(1.5, start);
  whole.writeFloatLE(-2, start + 4);
  await writeFile(path, whole);
  const file = await openGguf(path);
  expect([...(await file.read('a'))]).toEqual([1.5, -2]);
  await file.close();
});

test('a header longer than the first read is read whole', async () => {
  // Beyond the four MiB of the first read.
  const long = 'x'.repeat(5 * 1024 * 1024);
  const file = await open(new Header(0, 2).text('a').u32(8).text(long).text('b').u32(7).u8(0).bytes());
  expect(file.metadata.get('a')).toBe(long);
  expect(file.metadata.get('b')).toBe(false);
});

describe('headers that lie', () => {
  test.each<[string, Buffer, RegExp]>([
    ['empty file', Buffer.alloc(0), /magic: /],
    ['another format', new Header(0, 0, { magic: 'GGML' }).bytes(), /magic: expected "GGUF"/],
    ['version 1', new Header(0, 0, { version: 1 }).bytes(), /version: expected GGUF version 2 or 3, got 1/],
    ['big-endian', new Header(0, 0, { version: 0x03000000 }).bytes(), /big-endian/],
    ['tensor count', new Header(MAX, 0).bytes(), /tensor count: /],
    ['metadata count', new Header(0, MAX).bytes(), /metadata count: /],
    ['key length', new Header(0, 1).u64(MAX).bytes(64), /key of metadata entry 1 of 1: string length/],
    [
      'string length',
      new Header(0, 1)
        .text('k')
        .u32(8)
        .u64(2 ** 40)
        .bytes(64),
      /metadata "k": string length/,
    ],
    [
      'array length',
      new Header(0, 1)
        .text('k')
        .u32(9)
        .u32(4)
        .u64(2 ** 40)
        .bytes(64),
      /metadata "k": array length/,
    ],
    ['array of booleans', new Header(0, 1).text('k').u32(9).u32(7).u64(900).bytes(900), /metadata "k": asks for 7200/],
    ['array of arrays', new Header(0, 1).text('k').u32(9).u32(9).u64(1).bytes(64), /metadata "k": an array of arrays/],
    ['value type', new Header(0, 1).text('k').u32(13).bytes(64), /metadata "k": unknown value type 13/],
    ['boolean', new Header(0, 1).text('k').u32(7).u8(2).bytes(64), /metadata "k": expected a boolean/],
    ['key twice', new Header(0, 2).text('k').u32(7).u8(1).text('k').u32(7).u8(1).bytes(64), /"k" appears twice/],
    ['alignment', new Header(0, 1).text('general.alignment').u32(4).u32(0).bytes(64), /general\.alignment.*multiple/],
    ['dimensions', new Header(1, 0).text('a').u32(9).bytes(64), /tensor "a": expected 1 to 4 dimensions, got 9/],
    ['no weights', new Header(1, 0).tensor('a', [0], F32, 0).bytes(64), /tensor "a": impossible dimensions 0/],
    ['overflow', new Header(1, 0).tensor('a', [2n ** 32n, 2n ** 32n], F32, 0).bytes(64), /tensor "a": impossible/],
    ['tensor type', new Header(1, 0).tensor('a', [4], 99, 0).bytes(64), /tensor "a": unknown tensor type 99/],
    [
      'row of blocks',
      new Header(1, 0).tensor('a', [48], 8, 0).bytes(64),
      /tensor "a": rows of 48 .* Q8_0's block of 32/,
    ],
    ['offset', new Header(1, 0).tensor('a', [4], F32, 4).bytes(64), /tensor "a": offset 4 is no multiple/],
    ['beyond the end', new Header(1, 0).tensor('a', [64], F32, 0).bytes(64), /tensor "a": its bytes .* beyond the end/],
    ['far beyond', new Header(1, 0).tensor('a', [4], F32, 2n ** 62n).bytes(64), /tensor "a": its bytes/],
    [
      'overlap',
      new Header(2, 0).tensor('a', [16], F32, 0).tensor('b', [8], F32, 32).bytes(96),
      /tensor "b": .*overlap/,
    ],
    [
      'tensor twice',
      new Header(2, 0).tensor('a', [8], F32, 0).tensor('a', [8], F32, 32).bytes(96),
      /"a" appears twice/,
    ],
  ])('%s', async (_, bytes, message) => {
    const opening = open(bytes);
    await expect(opening).rejects.toThrow(CorruptFileError);
    await expect(opening).rejects.toThrow(message);
    await expect(opening).rejects.toThrow('lying.gguf');
  });

  test('a file cut off anywhere is refused', async () => {
    const whole = await readFile(fixture('tiny_llama_f32.gguf'));
    for (let length = 0; length < whole.length; length += 97) {
      await expect(open(whole.subarray(0, length))).rejects.toThrow(CorruptFileError);
    }
  });
});
