import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { fixture, tinySafetensors } from '../../../test/fixtures/tiny-models/tiny-model.js';
import { O1Error } from '../../errors.js';
import type { ModelFiles } from '../../models/index.js';
import { openCheckpoint } from '../checkpoint.js';
import { BoundedFile } from './bounded-file.js';
import { openGguf } from './gguf.js';
import { openSafetensors } from './safetensors.js';

/** Damaged and lying files: they load, or an O1Error names the file and a field. Nothing else, and no giant allocation. */

/** Runs for each file; together well over 2,000. */
const RUNS = 450;

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mutations-'));
});
afterAll(() => rm(folder, { recursive: true }));

/** Values that break arithmetic on lengths, counts and offsets. */
const LIES = [
  0n,
  1n,
  7n,
  255n,
  2n ** 16n,
  2n ** 31n - 1n,
  2n ** 31n,
  2n ** 32n - 1n,
  2n ** 53n,
  2n ** 63n,
  2n ** 64n - 1n,
];

/** `headerBytes`: most mutations fall into the header, where the structure is. */
function mutations(original: Uint8Array, headerBytes: number): fc.Arbitrary<Uint8Array> {
  const at = fc.oneof(
    { weight: 4, arbitrary: fc.nat(headerBytes - 1) },
    { weight: 1, arbitrary: fc.nat(original.length - 1) },
  );
  const edit = fc.oneof(
    fc.record({ kind: fc.constant('flip' as const), at, bit: fc.nat(7) }),
    fc.record({ kind: fc.constant('byte' as const), at, value: fc.nat(255) }),
    fc.record({ kind: fc.constant('lie' as const), at, value: fc.constantFrom(...LIES), bytes: fc.constantFrom(4, 8) }),
    fc.record({ kind: fc.constant('copy' as const), at, from: at, length: fc.integer({ min: 1, max: 64 }) }),
    fc.record({ kind: fc.constant('cut' as const), at, length: fc.integer({ min: 1, max: 64 }) }),
    fc.record({ kind: fc.constant('truncate' as const), at }),
  );
  return fc.array(edit, { minLength: 1, maxLength: 3 }).map((edits) => {
    let bytes: Buffer = Buffer.from(original);
    for (const step of edits) {
      const start = Math.min(step.at, bytes.length);
      if (step.kind === 'flip' && start < bytes.length) bytes[start]! ^= 1 << step.bit;
      if (step.kind === 'byte' && start < bytes.length) bytes[start] = step.value;
      if (step.kind === 'lie') {
        const lie = Buffer.alloc(8);
        lie.writeBigUInt64LE(step.value);
        lie.copy(bytes, start, 0, step.bytes);
      }
      if (step.kind === 'copy') bytes.copyWithin(start, step.from, step.from + step.length);
      if (step.kind === 'cut') bytes = Buffer.concat([bytes.subarray(0, start), bytes.subarray(start + step.length)]);
      if (step.kind === 'truncate') bytes = bytes.subarray(0, start);
    }
    return bytes;
  });
}

/** Lies in the JSON of a safetensors header, with a header length that fits. */
function headerLies(original: Buffer): fc.Arbitrary<Uint8Array> {
  const length = Number(original.readBigUInt64LE(0));
  const header = JSON.parse(original.subarray(8, 8 + length).toString());
  const names = Object.keys(header).filter((name) => name !== '__metadata__');
  const value = fc.oneof(
    fc.jsonValue({ maxDepth: 2 }),
    fc.constantFrom(-1, 1.5, 2 ** 31, 2 ** 53, 1e308, 'F64', 'BF16', [1e9, 1e9]),
  );
  return fc
    .record({
      name: fc.constantFrom(...names),
      field: fc.constantFrom('dtype', 'shape', 'data_offsets', 'extra'),
      value,
    })
    .map(({ name, field, value }) => {
      const json = Buffer.from(JSON.stringify({ ...header, [name]: { ...header[name], [field]: value } }));
      const prefix = Buffer.alloc(8);
      prefix.writeBigUInt64LE(BigInt(json.length));
      return Buffer.concat([prefix, json, original.subarray(8 + length)]);
    });
}

interface Outcome {
  loaded: number;
  refused: number;
}

/** Opens and reads everything; counts what happened. Any error that is not an O1Error naming file and field fails the test. */
async function attempt(path: string, bytes: Uint8Array, load: () => Promise<void>, outcome: Outcome): Promise<void> {
  await writeFile(path, bytes);
  const opened: BoundedFile[] = [];
  const original = BoundedFile.open;
  const spy = vi.spyOn(BoundedFile, 'open').mockImplementation(async (name) => {
    const file = await original.call(BoundedFile, name);
    opened.push(file);
    return file;
  });
  try {
    await load();
    outcome.loaded++;
  } catch (error) {
    if (!(error instanceof O1Error)) throw error;
    // `path: field`: something must follow the path.
    expect(error.where).toMatch(/^.+\.(gguf|safetensors)(: \S)/);
    outcome.refused++;
  } finally {
    spy.mockRestore();
  }
  expect(opened.length).toBeGreaterThan(0);
  for (const file of opened) {
    expect(file.largestAllocation).toBeLessThanOrEqual(2 * bytes.length);
    await expect(file.read(0, 1, 'after')).rejects.toThrow();
  }
}

async function readGguf(path: string): Promise<void> {
  const file = await openGguf(path);
  try {
    for (const name of file.tensors.keys()) await file.read(name);
  } finally {
    await file.close();
  }
}

async function readSafetensors(path: string): Promise<void> {
  const file = await openSafetensors(path);
  try {
    for (const name of file.names) await file.read(name);
  } finally {
    await file.close();
  }
}

async function readCheckpoint(files: ModelFiles): Promise<void> {
  const checkpoint = await openCheckpoint(files);
  try {
    for (const name of checkpoint.names) await checkpoint.read(name);
    checkpoint.tokenizer.decode(checkpoint.tokenizer.encode('a text</s> to try'));
  } finally {
    await checkpoint.close();
  }
}

async function check(arbitrary: fc.Arbitrary<Uint8Array>, path: string, load: () => Promise<void>): Promise<Outcome> {
  const outcome = { loaded: 0, refused: 0 };
  await fc.assert(
    fc.asyncProperty(arbitrary, (bytes) => attempt(path, bytes, load, outcome)),
    { numRuns: RUNS, seed: 20261125, interruptAfterTimeLimit: 60_000, markInterruptAsFailure: true },
  );
  return outcome;
}

describe('mutated files load or are refused with file and field', () => {
  // Header sizes: where the first tensor's data begins.
  test.each([
    ['tiny_kquant', 352],
    ['tiny_qwen3', 1900],
  ])('%s.gguf', async (name, headerBytes) => {
    const path = join(folder, `${name}.gguf`);
    const outcome = await check(mutations(readFileSync(fixture(`${name}.gguf`)), headerBytes), path, () =>
      readGguf(path),
    );
    expect(outcome.refused).toBeGreaterThan(RUNS / 4);
    expect(outcome.loaded).toBeGreaterThan(0);
  });

  test.each([
    ['tiny_llama_q8', 1824],
    ['tiny_llama3', 1900],
  ])('%s.gguf as a checkpoint', async (name, headerBytes) => {
    const path = join(folder, `${name}.gguf`);
    const load = () => readCheckpoint({ format: 'gguf', name, path, sha256: '' });
    const outcome = await check(mutations(readFileSync(fixture(`${name}.gguf`)), headerBytes), path, load);
    expect(outcome.refused).toBeGreaterThan(RUNS / 4);
    expect(outcome.loaded).toBeGreaterThan(0);
  });

  test('a vocabulary as a checkpoint', async () => {
    const path = join(folder, 'spm.gguf');
    const original = readFileSync(fixture('tokenizers/tiny_spm_bpe.gguf'));
    const { tokenizerFromGguf } = await import('../tokenizer-gguf.js');
    const outcome = await check(mutations(original, original.length), path, async () => {
      const file = await openGguf(path);
      await file.close();
      const tokenizer = tokenizerFromGguf(file);
      tokenizer.decode(tokenizer.encode('a text</s> to try'));
    });
    expect(outcome.refused).toBeGreaterThan(RUNS / 4);
    expect(outcome.loaded).toBeGreaterThan(0);
  });

  test.each(['tiny_qwen2', 'tiny_llama'])('%s.safetensors', async (name) => {
    const path = join(folder, `${name}.safetensors`);
    const original = readFileSync(fixture(`${name}.safetensors`));
    const headerBytes = 8 + Number(original.readBigUInt64LE(0));
    const outcome = await check(mutations(original, headerBytes), path, () => readSafetensors(path));
    expect(outcome.refused).toBeGreaterThan(RUNS / 4);
    expect(outcome.loaded).toBeGreaterThan(0);
  });

  test('safetensors as a checkpoint, with lies in its JSON', async () => {
    const path = join(folder, 'lies.safetensors');
    const arbitrary = headerLies(readFileSync(fixture('tiny_smollm2.safetensors')));
    const files = { ...tinySafetensors('tiny_smollm2'), weights: [path] } as ModelFiles;
    const outcome = await check(arbitrary, path, () => readCheckpoint(files));
    expect(outcome.refused).toBeGreaterThan(RUNS / 2);
  });
});
