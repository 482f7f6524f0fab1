import { readdir, readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { bytesOf } from './download.js';
import { combinedSha256, rememberedSha256 } from './hash.js';
import type { ModelFiles } from './model-files.js';
import { type OnProgress, ProgressMeter } from './progress.js';
import { type Selection, selectFiles } from './select.js';

export interface LocalOptions {
  readonly cacheDir: string;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: OnProgress | undefined;
}

/** The model in a folder. */
export async function resolveFolder(folder: string, options: LocalOptions): Promise<ModelFiles> {
  const entries = await readdir(folder, { withFileTypes: true });
  // Links are common here: the Hub's own cache is made of them.
  const names = entries.filter((entry) => !entry.isDirectory()).map((entry) => entry.name);
  const selection = await selectFiles(names, (name) => readFile(join(folder, name), 'utf8'), folder);
  return describeFiles(basename(folder), folder, selection, options);
}

/** The model in one .gguf file. */
export function resolveFile(path: string, options: LocalOptions): Promise<ModelFiles> {
  return describeFiles(basename(path), join(path, '..'), { format: 'gguf', path: basename(path) }, options);
}

/** Hashes the weights and gives the absolute paths. */
async function describeFiles(
  name: string,
  folder: string,
  selection: Selection,
  { cacheDir, signal, onProgress }: LocalOptions,
): Promise<ModelFiles> {
  const hash = async (file: string) => {
    const path = join(folder, file);
    const meter = new ProgressMeter(file, 'verify', await bytesOf(path), onProgress);
    return rememberedSha256(path, cacheDir, { signal, onBytes: (bytes) => meter.update(bytes) });
  };
  if (selection.format === 'gguf') {
    return { format: 'gguf', name, path: join(folder, selection.path), sha256: await hash(selection.path) };
  }
  const hashes: string[] = [];
  for (const file of selection.weights) hashes.push(await hash(file));
  return safetensorsFiles(name, folder, selection, combinedSha256(hashes));
}

/** The paths of a safetensors model whose files are in `folder`. */
export function safetensorsFiles(
  name: string,
  folder: string,
  selection: Extract<Selection, { format: 'safetensors' }>,
  sha256: string,
): ModelFiles {
  const { config, tokenizer, tokenizerConfig, weights } = selection;
  return {
    format: 'safetensors',
    name,
    config: join(folder, config),
    tokenizer: join(folder, tokenizer),
    ...(tokenizerConfig === undefined ? {} : { tokenizerConfig: join(folder, tokenizerConfig) }),
    weights: weights.map((file) => join(folder, file)),
    sha256,
  };
}
