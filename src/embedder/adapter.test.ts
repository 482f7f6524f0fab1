import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { EMBEDDING, LAYER_LINEARS, linearName, linearShape, writeSafetensors } from '../decoder/index.js';
import { CorruptFileError, MismatchError, NotFoundError } from '../errors.js';
import { randomWeights, TINY_CONFIG, TINY_SETTINGS } from '../testing/index.js';
import { openAdapter } from './adapter.js';

const RANK = 4;
const ROWS = [257, 260];
const base = { ...randomWeights(TINY_CONFIG, 1), sha256: TINY_SETTINGS.base.sha256 };
const filled = (size: number, value: number) => Float32Array.from({ length: size }, (_, i) => value + (i % 5) / 8);

interface Tensor {
  name: string;
  shape: number[];
  data: () => Float32Array;
}

function tensors(): Tensor[] {
  const rows = [ROWS.length, TINY_CONFIG.hiddenSize] as const;
  const name = 'base_model.model.model.embed_tokens.token_adapter.trainable_tokens_delta';
  const all: Tensor[] = [{ name, shape: [...rows], data: () => filled(rows[0] * rows[1], 3) }];
  for (let layer = 0; layer < TINY_CONFIG.layers; layer++) {
    for (const linear of LAYER_LINEARS) {
      const [outFeatures, inFeatures] = linearShape(TINY_CONFIG, linear);
      const stem = `base_model.model.model.layers.${layer}.${linear}`;
      all.push({
        name: `${stem}.lora_A.weight`,
        shape: [RANK, inFeatures],
        data: () => filled(RANK * inFeatures, 0.5),
      });
      all.push({
        name: `${stem}.lora_B.weight`,
        shape: [outFeatures, RANK],
        data: () => filled(outFeatures * RANK, 1),
      });
    }
  }
  return all;
}

const peft = {
  peft_type: 'LORA',
  r: RANK,
  lora_alpha: 8,
  bias: 'none',
  trainable_token_indices: { embed_tokens: ROWS },
  base_model_name_or_path: 'tiny',
};

let root: string;
let sound: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'adapter-'));
  sound = join(root, 'sound');
  await mkdir(sound);
  await writeSafetensors(join(sound, 'adapter_model.safetensors'), tensors(), { dtype: 'F16' });
  await writeFile(join(sound, 'adapter_config.json'), JSON.stringify(peft));
  await writeFile(join(sound, 'o1.json'), JSON.stringify(TINY_SETTINGS));
});
afterAll(() => rm(root, { recursive: true }));

/** A copy of the sound adapter with one file changed. */
async function changed(name: string, file: string, change: (path: string) => Promise<void>): Promise<string> {
  const folder = join(root, name);
  await cp(sound, folder, { recursive: true });
  await change(join(folder, file));
  return folder;
}

const json = (edit: (value: Record<string, unknown>) => void) => async (path: string) => {
  const value = JSON.parse(await readFile(path, 'utf8'));
  edit(value);
  await writeFile(path, JSON.stringify(value));
};

describe('merged weights', () => {
  test('are W + alpha / r · B · A, the trained rows in place of the embedding', async () => {
    const adapter = await openAdapter(sound);
    const merged = await adapter.merged(base);
    for (const linear of LAYER_LINEARS) {
      const [outFeatures, inFeatures] = linearShape(TINY_CONFIG, linear);
      const [a, b] = [filled(RANK * inFeatures, 0.5), filled(outFeatures * RANK, 1)];
      const weight = await base.read(linearName(1, linear));
      const found = await merged.read(linearName(1, linear));
      for (const [row, column] of [
        [0, 0],
        [3, 7],
        [outFeatures - 1, inFeatures - 1],
      ] as const) {
        let update = 0;
        for (let r = 0; r < RANK; r++) update += b[row * RANK + r]! * a[r * inFeatures + column]!;
        expect(found[row * inFeatures + column]).toBeCloseTo(weight[row * inFeatures + column]! + 2 * update, 4);
      }
    }
    const { hiddenSize } = TINY_CONFIG;
    const embedding = await merged.read(EMBEDDING);
    const rows = filled(ROWS.length * hiddenSize, 3);
    const original = await base.read(EMBEDDING);
    for (let id = 0; id < TINY_CONFIG.vocabularySize; id++) {
      const trained = ROWS.indexOf(id);
      const expected = (trained < 0 ? original.subarray(id * hiddenSize) : rows.subarray(trained * hiddenSize))[5];
      expect(embedding[id * hiddenSize + 5]).toBe(expected);
    }
    expect(await merged.read('model.norm.weight')).toEqual(await base.read('model.norm.weight'));
    await merged.close();
  });
});

describe('is refused', () => {
  test('for another base model, with both hashes', async () => {
    const adapter = await openAdapter(sound);
    const call = adapter.merged({ ...base, sha256: 'f'.repeat(64) });
    await expect(call).rejects.toThrow(MismatchError);
    await expect(call).rejects.toThrow(new RegExp(`${'0'.repeat(64)}.*${'f'.repeat(64)}`));
  });

  test('where there is none', async () => {
    await expect(openAdapter(join(root, 'nowhere'))).rejects.toThrow(NotFoundError);
    await expect(openAdapter(root)).rejects.toThrow(/o1\.json: cannot be read/);
  });

  test.each<[string, string, (path: string) => Promise<void>, RegExp]>([
    ['o1.json that is not JSON', 'o1.json', (path) => writeFile(path, '{"tokens":'), /o1\.json: is not JSON/],
    [
      'o1.json of another sequence version',
      'o1.json',
      json((value) => {
        value.sequenceVersion = 2;
      }),
      /o1\.json: sequenceVersion/,
    ],
    [
      'o1.json with an unknown key',
      'o1.json',
      json((value) => {
        value.poling = 'last';
      }),
      /o1\.json: .*poling/s,
    ],
    [
      'another kind of adapter',
      'adapter_config.json',
      json((value) => {
        value.peft_type = 'IA3';
      }),
      /adapter_config\.json: peft_type/,
    ],
  ])('with %s', async (name, file, change, message) => {
    const call = openAdapter(await changed(name.replaceAll(' ', '-'), file, change));
    await expect(call).rejects.toThrow(CorruptFileError);
    await expect(call).rejects.toThrow(message);
  });

  test.each<[string, (all: Tensor[]) => Tensor[], RegExp]>([
    ['a missing tensor', (all) => all.slice(0, -1), /layers\.1\.mlp\.down_proj\.lora_B\.weight: is missing/],
    [
      'a tensor of another shape',
      ([first, ...rest]) => [{ ...first!, shape: [1, 64] }, ...rest],
      /trainable_tokens_delta: has shape \[1,64\], the base model takes \[2,32\]/,
    ],
  ])('with %s', async (name, edit, message) => {
    const folder = await changed(name.replaceAll(' ', '-'), 'adapter_model.safetensors', (path) =>
      writeSafetensors(path, edit(tensors()), { dtype: 'F16' }),
    );
    const call = (await openAdapter(folder)).merged(base);
    await expect(call).rejects.toThrow(CorruptFileError);
    await expect(call).rejects.toThrow(message);
  });
});
