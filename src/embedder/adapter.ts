import { createHash } from 'node:crypto';
import { createReadStream, existsSync } from 'node:fs';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import {
  EMBEDDING,
  LAYER_LINEARS,
  type LowRankUpdate,
  linearName,
  linearShape,
  Merger,
  openSafetensors,
  type Safetensors,
  type WeightSource,
} from '../decoder/index.js';
import { CorruptFileError, MismatchError, NotFoundError } from '../errors.js';
import { type O1Settings, parseJsonFile, readSettings } from './settings.js';

/** The part of PEFT's `adapter_config.json` that the project reads; other keys are PEFT's own affair. */
const peftSchema = z.object({
  peft_type: z.literal('LORA'),
  r: z.int().positive(),
  lora_alpha: z.number().positive(),
  bias: z.literal('none'),
  use_rslora: z.literal(false).optional(),
  use_dora: z.literal(false).optional(),
  trainable_token_indices: z.object({ embed_tokens: z.array(z.int().nonnegative()) }),
});

const PREFIX = 'base_model.model.';
const TOKEN_ROWS = `${PREFIX}model.embed_tokens.token_adapter.trainable_tokens_delta`;
const ADAPTERS = fileURLToPath(new URL('../../data/adapters/', import.meta.url));

/** The adapter that is used where none is named. */
export const DEFAULT_ADAPTER = 'node-api-scifact';

/** A PEFT LoRA adapter with trained token rows and its `o1.json`. */
export interface Adapter {
  readonly folder: string;
  readonly settings: O1Settings;
  /** The file of its tensors. */
  readonly weights: string;
  /** Over the adapter's tensors. */
  readonly sha256: string;
  /** Of its low-rank updates, whose scale is alpha / rank. */
  readonly lora: { readonly rank: number; readonly alpha: number };
  /** The base model's weights with the adapter merged in. */
  merged(base: WeightSource & { readonly sha256: string }): Promise<MergedWeights>;
}

export interface MergedWeights extends WeightSource {
  close(): Promise<void>;
}

/** Opens an adapter folder, or one of those that come with the package by its name. */
export async function openAdapter(nameOrFolder: string = DEFAULT_ADAPTER): Promise<Adapter> {
  const bundled = join(ADAPTERS, nameOrFolder);
  const folder = existsSync(nameOrFolder) ? nameOrFolder : bundled;
  if (!existsSync(folder)) {
    throw new NotFoundError(`no adapter "${nameOrFolder}"`, {
      hint: 'Give the folder of an adapter (with adapter_config.json, adapter_model.safetensors and o1.json).',
    });
  }
  const settings = await readSettings(join(folder, 'o1.json'));
  const peft = await parseJsonFile(join(folder, 'adapter_config.json'), peftSchema);
  const weights = join(folder, 'adapter_model.safetensors');
  const hash = createHash('sha256');
  await pipeline(createReadStream(weights), hash);
  const sha256 = hash.digest('hex');
  return {
    folder,
    settings,
    weights,
    sha256,
    lora: { rank: peft.r, alpha: peft.lora_alpha },
    async merged(base) {
      if (base.sha256 !== settings.base.sha256) {
        throw new MismatchError(
          `was trained on ${settings.base.model} with weights ${settings.base.sha256}, the model in use has ${base.sha256}`,
          { where: folder, hint: 'Use the base model that the adapter names.' },
        );
      }
      const tensors = await openSafetensors(weights);
      try {
        return await mergedWeights(base, tensors, {
          rows: peft.trainable_token_indices.embed_tokens,
          rank: peft.r,
          scale: peft.lora_alpha / peft.r,
          where: weights,
        });
      } catch (error) {
        await tensors.close();
        throw error;
      }
    },
  };
}

interface AdapterTensors {
  /** Ids of the token embeddings that were trained. */
  readonly rows: readonly number[];
  readonly rank: number;
  readonly scale: number;
  readonly where: string;
}

async function mergedWeights(
  base: WeightSource,
  tensors: Safetensors,
  adapter: AdapterTensors,
): Promise<MergedWeights> {
  const { config } = base;
  const { rank, scale, where } = adapter;
  const expected = new Map<string, readonly number[]>([[TOKEN_ROWS, [adapter.rows.length, config.hiddenSize]]]);
  const linears = new Map<string, { a: string; b: string }>();
  for (let layer = 0; layer < config.layers; layer++) {
    for (const linear of LAYER_LINEARS) {
      const [outFeatures, inFeatures] = linearShape(config, linear);
      const stem = `${PREFIX}model.layers.${layer}.${linear}`;
      const names = { a: `${stem}.lora_A.weight`, b: `${stem}.lora_B.weight` };
      linears.set(linearName(layer, linear), names);
      expected.set(names.a, [rank, inFeatures]);
      expected.set(names.b, [outFeatures, rank]);
    }
  }
  for (const [name, shape] of expected) {
    if (!tensors.has(name)) throw new CorruptFileError('is missing', { where: `${where}: ${name}` });
    if (tensors.shape(name).join() !== shape.join()) {
      throw new CorruptFileError(`has shape [${tensors.shape(name)}], the base model takes [${shape}]`, {
        where: `${where}: ${name}`,
      });
    }
  }
  const merger = await Merger.create();
  return {
    config,
    async read(name) {
      const weight = await base.read(name);
      if (name === EMBEDDING) {
        const trained = await tensors.read(TOKEN_ROWS);
        const { hiddenSize } = config;
        adapter.rows.forEach((id, i) => {
          weight.set(trained.subarray(i * hiddenSize, (i + 1) * hiddenSize), id * hiddenSize);
        });
        return weight;
      }
      const names = linears.get(name);
      if (!names) return weight;
      const update: LowRankUpdate = { a: await tensors.read(names.a), b: await tensors.read(names.b), rank, scale };
      return merger.merge(weight, update);
    },
    async close() {
      await Promise.all([tensors.close(), merger.close()]);
    },
  };
}
