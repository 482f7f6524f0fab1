import { z } from 'zod';
import { CorruptFileError, InvalidInputError } from '../errors.js';
import type { DecoderConfig, RopeScaling } from './config.js';
import { checkConfig } from './config-check.js';

/** Hugging Face's `config.json` of a Llama, Mistral, Qwen2 or Qwen3 model to `DecoderConfig`. */

const FAMILIES = ['llama', 'mistral', 'qwen2', 'qwen3'] as const;

const size = z.int().positive();
const factor = z.number().positive();

const ropeSchema = z.looseObject({
  rope_type: z.string().optional(),
  /** The older name of `rope_type`. */
  type: z.string().optional(),
  rope_theta: factor.optional(),
  factor: factor.optional(),
  low_freq_factor: factor.optional(),
  high_freq_factor: factor.optional(),
  original_max_position_embeddings: size.optional(),
});

const configSchema = z.looseObject({
  model_type: z.string(),
  hidden_size: size,
  intermediate_size: size,
  num_hidden_layers: size,
  num_attention_heads: size,
  num_key_value_heads: size.nullish(),
  head_dim: size.nullish(),
  vocab_size: size,
  max_position_embeddings: size,
  hidden_act: z.string().optional(),
  rms_norm_eps: z.number().nonnegative().optional(),
  rope_theta: factor.optional(),
  rope_scaling: ropeSchema.nullish(),
  /** Where transformers 5 keeps `rope_theta` and the scaling. */
  rope_parameters: ropeSchema.nullish(),
  partial_rotary_factor: z.number().optional(),
  tie_word_embeddings: z.boolean().optional(),
  attention_bias: z.boolean().optional(),
  mlp_bias: z.boolean().optional(),
  sliding_window: size.nullish(),
  use_sliding_window: z.boolean().optional(),
  max_window_layers: z.int().nonnegative().optional(),
  layer_types: z.array(z.string()).nullish(),
  quantization_config: z.unknown().optional(),
});

type ConfigJson = z.infer<typeof configSchema>;

/**
 * Reads the text of a `config.json`; `path` is for errors. A setting that the decoder cannot honour is an
 * InvalidInputError, a missing or impossible one a CorruptFileError; both name the field. Fields that older files leave out
 * have the defaults of transformers' configuration classes.
 */
export function configFromJson(text: string, path: string): DecoderConfig {
  const json = parse(text, path);
  const family = FAMILIES.find((name) => name === json.model_type);
  if (!family) {
    throw new InvalidInputError(`model type "${json.model_type}" is not supported (only ${FAMILIES.join(', ')})`, {
      where: `${path}: model_type`,
    });
  }
  refuseUnsupported(json, family, path);
  const heads = json.num_attention_heads;
  const rope = json.rope_parameters ?? json.rope_scaling ?? undefined;
  return checkConfig(
    {
      family,
      hiddenSize: json.hidden_size,
      intermediateSize: json.intermediate_size,
      layers: json.num_hidden_layers,
      heads,
      keyValueHeads: json.num_key_value_heads ?? heads,
      headSize: json.head_dim ?? json.hidden_size / heads,
      vocabularySize: json.vocab_size,
      maxPositions: json.max_position_embeddings,
      rmsNormEpsilon: json.rms_norm_eps ?? 1e-6,
      ropeTheta: json.rope_parameters?.rope_theta ?? json.rope_theta ?? 10000,
      ropeScaling: rope ? ropeScaling(rope, json, path) : undefined,
      tiedEmbeddings: json.tie_word_embeddings ?? false,
      attentionBias: family === 'qwen2',
      queryKeyNorm: family === 'qwen3',
      slidingWindow: slidingWindow(json, family, path),
    },
    {
      keyValueHeads: `${path}: num_key_value_heads`,
      headSize: `${path}: ${json.head_dim ? 'head_dim' : 'hidden_size'}`,
    },
  );
}

function parse(text: string, path: string): ConfigJson {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw new CorruptFileError(`is not JSON: ${(error as Error).message}`, { where: `${path}: content`, cause: error });
  }
  const checked = configSchema.safeParse(json);
  if (checked.success) return checked.data;
  const issue = checked.error.issues[0]!;
  throw new CorruptFileError(issue.message, { where: `${path}: ${issue.path.join('.') || 'content'}` });
}

function refuseUnsupported(json: ConfigJson, family: string, path: string): void {
  const refuse = (field: string, what: string) => {
    throw new InvalidInputError(`${what} is not supported`, { where: `${path}: ${field}` });
  };
  if ((json.hidden_act ?? 'silu') !== 'silu') refuse('hidden_act', `activation "${json.hidden_act}" (only "silu")`);
  // Qwen2 always has biases on Q, K and V and says nothing of it; elsewhere the flag means a bias on the output too.
  if (json.attention_bias && family !== 'qwen2') refuse('attention_bias', 'a bias on the attention output');
  if (json.mlp_bias) refuse('mlp_bias', 'a bias in the feed-forward layers');
  if ((json.partial_rotary_factor ?? 1) !== 1) refuse('partial_rotary_factor', 'a partial rotary embedding');
  if (json.quantization_config != null) refuse('quantization_config', 'a quantised safetensors model');
}

function ropeScaling(rope: z.infer<typeof ropeSchema>, json: ConfigJson, path: string): RopeScaling | undefined {
  const field = json.rope_parameters ? 'rope_parameters' : 'rope_scaling';
  const type = rope.rope_type ?? rope.type ?? 'default';
  const need = (name: 'factor' | 'low_freq_factor' | 'high_freq_factor' | 'original_max_position_embeddings') => {
    const value = rope[name];
    if (value === undefined) throw new CorruptFileError('is missing', { where: `${path}: ${field}.${name}` });
    return value;
  };
  if (type === 'default') return undefined;
  if (type === 'linear') return { type, factor: need('factor') };
  if (type === 'llama3') {
    return {
      type,
      factor: need('factor'),
      lowFrequencyFactor: need('low_freq_factor'),
      highFrequencyFactor: need('high_freq_factor'),
      originalMaxPositions: need('original_max_position_embeddings'),
    };
  }
  throw new InvalidInputError(`rotary scaling "${type}" is not supported (only linear, llama3)`, {
    where: `${path}: ${field}.rope_type`,
  });
}

function slidingWindow(json: ConfigJson, family: string, path: string): number | undefined {
  const layers = json.num_hidden_layers;
  let windowed: number;
  if (json.layer_types) windowed = json.layer_types.filter((type) => type === 'sliding_attention').length;
  else if (family === 'mistral') windowed = layers;
  // Qwen: the first `max_window_layers` layers see everything, the others have the window, and only with the switch on.
  else windowed = json.use_sliding_window ? layers - Math.min(layers, json.max_window_layers ?? layers) : 0;
  if (windowed === 0) return undefined;
  if (windowed !== layers) {
    throw new InvalidInputError(
      `a sliding window on ${windowed} of ${layers} layers is not supported (only all or none)`,
      {
        where: `${path}: ${json.layer_types ? 'layer_types' : 'max_window_layers'}`,
      },
    );
  }
  return json.sliding_window ?? undefined;
}
