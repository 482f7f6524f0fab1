import { copyFile, mkdir, readdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Checkpoint, ggufTokenizerFiles, type WeightSource, writeSafetensors } from '../../decoder/index.js';
import type { O1Settings } from '../../embedder/index.js';
import { InvalidInputError } from '../../errors.js';
import type { ModelFiles } from '../../models/index.js';
import { modelConfig } from './model-config.js';

export interface MergedModel {
  /** The base model's files. */
  readonly files: ModelFiles;
  readonly checkpoint: Checkpoint;
  /** The weights with the adapter merged in. */
  readonly weights: WeightSource;
  readonly settings: O1Settings;
}

export interface WriteModelOptions {
  readonly dtype: 'fp16' | 'fp32';
  readonly signal: AbortSignal;
  /** Called after each tensor. */
  readonly onProgress: (progress: { readonly done: number; readonly total: number }) => void;
}

/**
 * Writes a model as Hugging Face transformers loads it: `model.safetensors`, `config.json`, the tokenizer's files, and
 * `o1.json` with what turns it into an embedder. Returns the names of the files.
 *
 * @throws InvalidInputError when the folder holds something already.
 */
export async function writeModel(folder: string, model: MergedModel, options: WriteModelOptions): Promise<string[]> {
  const { files, checkpoint, weights, settings } = model;
  const { dtype, signal, onProgress } = options;
  await mkdir(folder, { recursive: true });
  if ((await readdir(folder)).length > 0) {
    throw new InvalidInputError('expected a new or empty folder.', { where: folder, hint: 'Choose another one.' });
  }
  let done = 0;
  const tensors = checkpoint.names.map((name) => ({
    name,
    shape: checkpoint.shape(name),
    async data() {
      const data = await weights.read(name);
      onProgress({ done: ++done, total: checkpoint.names.length });
      return data;
    },
  }));
  await writeSafetensors(join(folder, 'model.safetensors'), tensors, {
    dtype: dtype === 'fp16' ? 'F16' : 'F32',
    metadata: { format: 'pt' },
    signal,
  });

  const written = ['model.safetensors'];
  const writeJson = async (name: string, value: object) => {
    const temporary = join(folder, `${name}.tmp`);
    await writeFile(temporary, `${JSON.stringify(value, null, 2)}\n`);
    await rename(temporary, join(folder, name));
    written.push(name);
  };
  if (files.format === 'gguf') {
    for (const [name, value] of Object.entries(await ggufTokenizerFiles(files.path))) await writeJson(name, value);
  } else {
    for (const [name, path] of [
      ['tokenizer.json', files.tokenizer],
      ['tokenizer_config.json', files.tokenizerConfig],
    ] as const) {
      if (path === undefined) continue;
      await copyFile(path, join(folder, name));
      written.push(name);
    }
  }
  await writeJson('o1.json', settings);
  const config =
    files.format === 'gguf'
      ? modelConfig(checkpoint.config, checkpoint.tokenizer.endOfText)
      : (JSON.parse(await readFile(files.config, 'utf8')) as object);
  // Last: without it nothing takes the folder for a model.
  await writeJson('config.json', { ...config, torch_dtype: dtype === 'fp16' ? 'float16' : 'float32' });
  return written;
}
