import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CorruptFileError, InvalidInputError } from '../../errors.js';
import { floatToHalf, HALF_TO_FLOAT } from './half-floats.js';
import { openSafetensors } from './safetensors.js';
import { writeSafetensors } from './safetensors-writer.js';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'safetensors-'));
});
afterAll(() => rm(folder, { recursive: true }));

const tensors = [
  { name: 'a', shape: [2, 3], data: () => Float32Array.of(1, -2.5, 3, 0.1, -65504, 6e-8) },
  { name: '__proto__', shape: [], data: async () => Float32Array.of(7) },
  { name: 'empty', shape: [0, 4], data: () => new Float32Array(0) },
];

describe('writeSafetensors', () => {
  test('what is written is read again', async () => {
    const path = join(folder, 'a.safetensors');
    await writeSafetensors(path, tensors, { metadata: { format: 'pt', note: 'ünï' } });
    const file = await openSafetensors(path);
    expect(file.names).toEqual(expect.arrayContaining(['a', '__proto__', 'empty']));
    expect(file.metadata).toEqual({ format: 'pt', note: 'ünï' });
    expect(file.shape('a')).toEqual([2, 3]);
    expect(file.dtype('a')).toBe('F32');
    expect(file.has('b')).toBe(false);
    for (const { name, data } of tensors) expect(await file.read(name)).toEqual(await data());
    await file.close();
    expect((await readFile(path)).readBigUInt64LE(0) % 8n).toBe(0n);
  });

  test('F16 rounds to the nearest half', async () => {
    const path = join(folder, 'half.safetensors');
    await writeSafetensors(path, tensors, { dtype: 'F16' });
    const file = await openSafetensors(path);
    expect(file.dtype('a')).toBe('F16');
    // 0.1 and 6e-8 as numpy.float16 has them.
    expect([...(await file.read('a'))]).toEqual([1, -2.5, 3, 0.0999755859375, -65504, 2 ** -24]);
    await file.close();
  });

  test('a failure leaves neither the file nor a temporary one, and keeps the old file', async () => {
    const path = join(folder, 'kept.safetensors');
    await writeSafetensors(path, tensors);
    const before = await readFile(path);
    const failing = { name: 'late', shape: [1], data: () => Promise.reject(new Error('disk on fire')) };
    await expect(writeSafetensors(path, [...tensors, failing])).rejects.toThrow('disk on fire');
    expect(await readFile(path)).toEqual(before);
    expect((await readdir(folder)).filter((name) => name.includes('tmp'))).toEqual([]);
  });

  test('stops when told to, and leaves nothing', async () => {
    const stop = new AbortController();
    const stopping = {
      name: 'stopping',
      shape: [1],
      data: () => {
        stop.abort(new Error('enough'));
        return Float32Array.of(1);
      },
    };
    const path = join(folder, 'stopped.safetensors');
    const last = { name: 'last', shape: [1], data: () => expect.unreachable() };
    await expect(writeSafetensors(path, [stopping, last], { signal: stop.signal })).rejects.toThrow('enough');
    expect((await readdir(folder)).filter((name) => name.startsWith('stopped'))).toEqual([]);
  });

  test.each([
    [{ name: 'b', shape: [3], data: () => new Float32Array(2) }, /got 2 weights for shape \[3\]/],
    [{ name: 'a', shape: [0], data: () => new Float32Array(0) }, /twice/],
    [{ name: 'c', shape: [1], data: () => Float32Array.of(65520) }, /65520 at 0 is too large for F16/],
  ])('refuses a wrong tensor %#', async (tensor, message) => {
    const writing = writeSafetensors(join(folder, 'wrong.safetensors'), [...tensors, tensor], { dtype: 'F16' });
    await expect(writing).rejects.toThrow(InvalidInputError);
    await expect(writing).rejects.toThrow(message);
  });
});

test('every half survives the way through fp32', () => {
  for (let bits = 0; bits < 65536; bits++) {
    const value = HALF_TO_FLOAT[bits]!;
    if (Number.isNaN(value)) expect((floatToHalf(value) & 0x7fff) > 0x7c00).toBe(true);
    else expect(floatToHalf(value)).toBe(bits);
  }
});

test('halves are rounded to nearest, ties to even', () => {
  for (let bits = 0; bits < 0x7bff; bits++) {
    const [low, high] = [HALF_TO_FLOAT[bits]!, HALF_TO_FLOAT[bits + 1]!];
    const middle = (low + high) / 2;
    expect(floatToHalf(middle)).toBe(bits % 2 === 0 ? bits : bits + 1);
    expect(floatToHalf(low + (high - low) * 0.25)).toBe(bits);
    expect(floatToHalf(-(low + (high - low) * 0.75))).toBe((bits + 1) | 0x8000);
  }
});

describe('headers that lie', () => {
  const data = new Uint8Array(16);
  async function openWith(header: unknown, { length, bytes = data }: { length?: bigint; bytes?: Uint8Array } = {}) {
    const json = Buffer.from(typeof header === 'string' ? header : JSON.stringify(header));
    const prefix = Buffer.alloc(8);
    prefix.writeBigUInt64LE(length ?? BigInt(json.length));
    const path = join(folder, 'lying.safetensors');
    await writeFile(path, Buffer.concat([prefix, json, bytes]));
    const file = await openSafetensors(path);
    await file.close();
  }
  const entry = (begin: number, end: number, shape = [(end - begin) / 4], dtype = 'F32') => ({
    dtype,
    shape,
    data_offsets: [begin, end],
  });

  test.each<[string, unknown, RegExp, { length?: bigint }?]>([
    ['header longer than the file', {}, /header length: says 18446744073709552000 bytes/, { length: 2n ** 64n - 1n }],
    ['not JSON', '{"a":', /header: is not JSON/],
    ['not an object', '[]', /header: expected a JSON object/],
    ['unknown dtype', { a: entry(0, 16, [4], 'F7') }, /tensor "a": unknown dtype "F7"/],
    ['no shape', { a: { dtype: 'F32', data_offsets: [0, 16] } }, /tensor "a": shape /],
    ['negative size', { a: entry(0, 16, [-4]) }, /tensor "a": shape\.0 /],
    ['shape and offsets differ', { a: entry(0, 16, [5]) }, /tensor "a": shape \[5\] of F32 needs 20 bytes/],
    ['product overflow', { a: entry(0, 16, [2 ** 50, 2 ** 50]) }, /tensor "a": shape/],
    ['overlap', { a: entry(0, 12), b: entry(8, 16) }, /tensor "b": its data begins .* gap or an overlap/],
    ['gap', { a: entry(0, 4), b: entry(8, 16) }, /tensor "b": its data begins/],
    ['beyond the end', { a: entry(0, 20) }, /header: the header describes/],
    ['too short', { a: entry(0, 12) }, /header: the header describes/],
    ['ill-typed metadata', { __metadata__: { x: 1 }, a: entry(0, 16) }, /__metadata__/],
    ['nameless', { '': entry(0, 16) }, /without a name/],
  ])('%s', async (_, header, message, options) => {
    const opening = openWith(header, options);
    await expect(opening).rejects.toThrow(CorruptFileError);
    await expect(opening).rejects.toThrow(message);
    await expect(opening).rejects.toThrow('lying.safetensors');
  });

  test('a dtype that exists but cannot be read is refused when read', async () => {
    await openWith({ a: entry(0, 16, [2], 'I64') });
    const file = await openSafetensors(join(folder, 'lying.safetensors'));
    await expect(file.read('a')).rejects.toThrow(/tensor "a": dtype I64 cannot be read/);
    await expect(file.read('b')).rejects.toThrow(/has no tensor "b"/);
    await file.close();
  });
});
