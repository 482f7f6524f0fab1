import { z } from 'zod';
import { CorruptFileError, InvalidInputError, NotFoundError } from '../errors.js';
import { safePath } from './spec.js';

/** Which of a folder's or repository's files make the model; paths relative to it. */
export type Selection =
  | { readonly format: 'gguf'; readonly path: string }
  | {
      readonly format: 'safetensors';
      readonly config: string;
      readonly tokenizer: string;
      readonly tokenizerConfig?: string | undefined;
      readonly weights: readonly string[];
    };

const INDEX = 'model.safetensors.index.json';

const indexSchema = z.object({ weight_map: z.record(z.string(), z.string()) });

/**
 * Chooses the model's files. Safetensors win over GGUF files beside them (name the .gguf file to have that); as in Python's
 * transformers, `model.safetensors` wins over a list of shards.
 *
 * @param names all files, relative paths with `/`
 * @param readText gives the text of one of them
 * @param where the folder or repository, for errors
 */
export async function selectFiles(
  names: readonly string[],
  readText: (name: string) => Promise<string>,
  where: string,
): Promise<Selection> {
  const gguf = names.filter((name) => /\.gguf$/i.test(name)).sort();
  const safetensors = names.filter((name) => /^[^/]+\.safetensors$/.test(name)).sort();
  if (safetensors.length === 0) {
    if (gguf.length === 1) return { format: 'gguf', path: gguf[0]! };
    if (gguf.length > 1) {
      throw new InvalidInputError(`expected one .gguf file, got ${gguf.length}: ${gguf.join(', ')}.`, {
        where,
        hint: 'Name the file: owner/name:file.gguf for a repository, its path on this machine.',
      });
    }
    throw new NotFoundError('expected *.safetensors or one .gguf file, got neither.', {
      where,
      hint: names.length === 0 ? 'There are no files at all.' : `Files there: ${names.slice(0, 20).join(', ')}.`,
    });
  }
  for (const required of ['config.json', 'tokenizer.json']) {
    if (!names.includes(required)) {
      throw new NotFoundError(`expected ${required} beside the weights, it is missing.`, {
        where,
        hint:
          required === 'tokenizer.json'
            ? 'Save the tokenizer with a fast (Rust) tokenizer of Python transformers, or take a GGUF of this model.'
            : 'Save the model with save_pretrained, or take a GGUF of this model.',
      });
    }
  }
  const weights = await selectWeights(names, safetensors, readText, where);
  const tokenizerConfig = names.includes('tokenizer_config.json') ? { tokenizerConfig: 'tokenizer_config.json' } : {};
  return { format: 'safetensors', config: 'config.json', tokenizer: 'tokenizer.json', ...tokenizerConfig, weights };
}

async function selectWeights(
  names: readonly string[],
  safetensors: readonly string[],
  readText: (name: string) => Promise<string>,
  where: string,
): Promise<string[]> {
  if (safetensors.includes('model.safetensors')) return ['model.safetensors'];
  if (names.includes(INDEX)) {
    const shards = readIndex(await readText(INDEX), `${where}: ${INDEX}`);
    const missing = shards.filter((shard) => !names.includes(shard));
    if (missing.length === 0) return shards;
    throw new NotFoundError(`${INDEX} names files that are missing: ${missing.join(', ')}.`, { where });
  }
  if (safetensors.length === 1) return [...safetensors];
  throw new InvalidInputError(`expected ${INDEX} beside several weight files: ${safetensors.join(', ')}.`, { where });
}

/** The shards that an index names, each once, in the order of their names. */
function readIndex(text: string, where: string): string[] {
  let shards: string[];
  try {
    shards = [...new Set(Object.values(indexSchema.parse(JSON.parse(text)).weight_map))].sort();
  } catch (cause) {
    throw new CorruptFileError('expected JSON with "weight_map", an object of tensor name to file name.', {
      where,
      cause,
    });
  }
  if (shards.length === 0) throw new CorruptFileError('"weight_map" names no file.', { where });
  return shards.map((shard) => safePath(shard, where));
}
