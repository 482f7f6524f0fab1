import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { CorruptFileError, InvalidInputError, NotFoundError } from '../errors.js';
import type { ModelFiles } from '../models/index.js';
import type { Checkpoint } from './checkpoint.js';
import { checkTensors } from './checkpoint-tensors.js';
import { configFromJson } from './config-json.js';
import { openSafetensors, type Safetensors } from './formats/safetensors.js';
import type { Tokenizer } from './tokenizer.js';
import { checkTokenizerJson, createTokenizer, type EndOfText } from './tokenizer-json.js';

type SafetensorsFiles = Extract<ModelFiles, { format: 'safetensors' }>;

/** Opens `config.json`, `tokenizer.json` and all shards of a model as one checkpoint. */
export async function openSafetensorsCheckpoint(files: SafetensorsFiles): Promise<Checkpoint> {
  const config = configFromJson(await readText(files.config), files.config);
  const tokenizer = await openTokenizer(files);
  const shards: Safetensors[] = [];
  const close = async () => {
    await Promise.all(shards.map((shard) => shard.close()));
  };
  try {
    for (const path of files.weights) shards.push(await openSafetensors(path));
    const byName = indexShards(shards);
    if (shards.length === 0) throw new NotFoundError('has no weights', { where: files.name });
    const where = shards.length === 1 ? files.weights[0]! : `${files.weights[0]} and the other shards`;
    const shape = (name: string) => byName.get(name)?.shape(name);
    const names = checkTensors(config, { names: byName.keys(), shape, where });
    for (const name of names) byName.get(name)!.checkReadable(name);
    const shardOf = (name: string) => {
      const shard = byName.get(name);
      if (!shard) throw new InvalidInputError(`has no tensor "${name}"`, { where: files.name });
      return shard;
    };
    return {
      config,
      tokenizer,
      sha256: files.sha256,
      names,
      shape: (name) => shardOf(name).shape(name),
      read: async (name) => shardOf(name).read(name),
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

function indexShards(shards: readonly Safetensors[]): Map<string, Safetensors> {
  const byName = new Map<string, Safetensors>();
  for (const shard of shards) {
    for (const name of shard.names) {
      const other = byName.get(name);
      if (other) {
        throw new CorruptFileError(`is in ${other.path} too`, { where: `${shard.path}: tensor "${name}"` });
      }
      byName.set(name, shard);
    }
  }
  return byName;
}

const tokenizerConfigSchema = z.looseObject({
  eos_token: z.union([z.string(), z.looseObject({ content: z.string() })]).nullish(),
});
const modelConfigSchema = z.looseObject({ eos_token_id: z.union([z.int(), z.array(z.int())]).nullish() });

async function openTokenizer(files: SafetensorsFiles): Promise<Tokenizer> {
  const json = checkTokenizerJson(await readJson(files.tokenizer), files.tokenizer);
  return createTokenizer(json, await endOfText(files), files.tokenizer);
}

/** The tokenizer's own word first: for a chat model it is the end of a turn. */
async function endOfText(files: SafetensorsFiles): Promise<EndOfText | undefined> {
  if (files.tokenizerConfig !== undefined) {
    const checked = tokenizerConfigSchema.safeParse(await readJson(files.tokenizerConfig));
    if (!checked.success) {
      throw new CorruptFileError('expected a string or an object', { where: `${files.tokenizerConfig}: eos_token` });
    }
    const token = checked.data.eos_token;
    if (token != null) {
      return { token: typeof token === 'string' ? token : token.content, where: `${files.tokenizerConfig}: eos_token` };
    }
  }
  const checked = modelConfigSchema.safeParse(await readJson(files.config));
  if (!checked.success) {
    throw new CorruptFileError('expected an integer or a list of them', { where: `${files.config}: eos_token_id` });
  }
  const id = [checked.data.eos_token_id ?? []].flat()[0];
  return id === undefined ? undefined : { token: id, where: `${files.config}: eos_token_id` };
}

async function readText(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    throw new NotFoundError(`cannot be read: ${(error as Error).message}`, { where: path, cause: error });
  }
}

async function readJson(path: string): Promise<unknown> {
  try {
    return JSON.parse(await readText(path));
  } catch (error) {
    if (error instanceof NotFoundError) throw error;
    throw new CorruptFileError(`is not JSON: ${(error as Error).message}`, { where: path, cause: error });
  }
}
