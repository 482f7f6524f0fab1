import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import {
  type Checkpoint,
  Decoder,
  LAYER_LINEARS,
  type NumericMode,
  openSafetensors,
  writeSafetensors,
} from '../decoder/index.js';
import { O1Embedder, type O1Settings, openAdapter } from '../embedder/index.js';
import { writeAtomically } from '../write-atomically.js';
import type { ParameterSet } from './parameters.js';

/** The model that is trained: an opened checkpoint, or what looks like one. */
export type BaseModel = Pick<Checkpoint, 'config' | 'tokenizer' | 'sha256' | 'read'>;

export interface AdapterDescription {
  readonly rank: number;
  readonly alpha: number;
  readonly settings: Omit<O1Settings, 'selfTest'>;
}

export interface SelfTestText {
  readonly kind: 'query' | 'document';
  readonly text: string;
}

const WEIGHTS = 'adapter_model.safetensors';

/** Writes trained numbers as PEFT's `adapter_model.safetensors`, in fp16. */
export async function saveAdapterWeights(path: string, parameters: ParameterSet): Promise<void> {
  const tensors = parameters.shapes.map(({ name, shape }) => ({ name, shape, data: () => parameters.view(name) }));
  await writeSafetensors(path, tensors, { dtype: 'F16', metadata: { format: 'pt' } });
}

/** Puts the numbers of such a file into a parameter set. */
export async function loadAdapterWeights(path: string, parameters: ParameterSet): Promise<void> {
  const file = await openSafetensors(path);
  try {
    for (const { name } of parameters.shapes) parameters.view(name).set(await file.read(name));
  } finally {
    await file.close();
  }
}

/**
 * Writes an adapter folder: weights and `adapter_config.json` as PEFT has them, and `o1.json`, whose self-test is computed
 * from the saved weights. `o1.json` comes last: a folder without it is not an adapter yet.
 */
export async function saveAdapter(
  folder: string,
  parameters: ParameterSet,
  description: AdapterDescription,
  base: BaseModel,
  options: { readonly selfTest?: readonly SelfTestText[]; readonly threads?: number | undefined } = {},
): Promise<O1Settings> {
  await mkdir(folder, { recursive: true });
  await saveAdapterWeights(join(folder, WEIGHTS), parameters);
  await writeJson(join(folder, 'adapter_config.json'), peftConfig(description));
  const settings: O1Settings = { ...description.settings, selfTest: [] };
  await saveSettings(folder, settings);
  const texts = options.selfTest ?? [];
  if (texts.length === 0) return settings;
  const embedder = await loadTrained(folder, base, { mode: 'fp32', threads: options.threads });
  try {
    for (const { kind, text } of texts) {
      const vector =
        kind === 'document'
          ? (await embedder.embedDocuments([text]))[0]!
          : (await embedder.embedQuery(text, { think: 'never' })).vector;
      // As many digits as fp32 has.
      const head = Array.from(vector.subarray(0, 32), (value) => Number(value.toFixed(7)));
      settings.selfTest.push({ kind, text, head });
    }
  } finally {
    await embedder.close();
  }
  await saveSettings(folder, settings);
  return settings;
}

/** Replaces an adapter's `o1.json`. */
export const saveSettings = (folder: string, settings: O1Settings) => writeJson(join(folder, 'o1.json'), settings);

/** An embedder of an adapter folder and the base model at hand, which is not opened anew. */
export async function loadTrained(
  folder: string,
  base: BaseModel,
  options: { readonly mode: NumericMode; readonly threads?: number | undefined },
): Promise<O1Embedder> {
  const adapter = await openAdapter(folder);
  const weights = await adapter.merged(base);
  try {
    const { lengths } = adapter.settings;
    // A query with a thought has five marks, a document two.
    const maxPositions = Math.max(lengths.query + lengths.thought + 5, lengths.document + 2);
    const decoder = await Decoder.load(weights, { ...options, maxPositions });
    const { settings, sha256: adapterSha256 } = adapter;
    return new O1Embedder({ decoder, tokenizer: base.tokenizer, settings, adapterSha256 });
  } finally {
    await weights.close();
  }
}

function peftConfig({ rank, alpha, settings }: AdapterDescription) {
  const { query, document, thought, embedding } = settings.tokens;
  return {
    peft_type: 'LORA',
    task_type: 'CAUSAL_LM',
    base_model_name_or_path: settings.base.model,
    r: rank,
    lora_alpha: alpha,
    lora_dropout: 0,
    bias: 'none',
    target_modules: LAYER_LINEARS.map((linear) => linear.split('.')[1]!).sort(),
    trainable_token_indices: { embed_tokens: [query, document, thought, embedding] },
    inference_mode: true,
    fan_in_fan_out: false,
    use_rslora: false,
    use_dora: false,
  };
}

const writeJson = (path: string, value: unknown) => writeAtomically(path, `${JSON.stringify(value, undefined, 2)}\n`);
