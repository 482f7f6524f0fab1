import type { DecoderConfig } from '../../decoder/index.js';

const CLASSES: Record<DecoderConfig['family'], string> = {
  llama: 'LlamaForCausalLM',
  mistral: 'MistralForCausalLM',
  qwen2: 'Qwen2ForCausalLM',
  qwen3: 'Qwen3ForCausalLM',
};

/** Hugging Face's `config.json` for a decoder whose own files have none (GGUF). */
export function modelConfig(config: DecoderConfig, endOfText: number | undefined): Record<string, unknown> {
  return {
    architectures: [CLASSES[config.family]],
    model_type: config.family,
    hidden_size: config.hiddenSize,
    intermediate_size: config.intermediateSize,
    num_hidden_layers: config.layers,
    num_attention_heads: config.heads,
    num_key_value_heads: config.keyValueHeads,
    head_dim: config.headSize,
    vocab_size: config.vocabularySize,
    max_position_embeddings: config.maxPositions,
    hidden_act: 'silu',
    rms_norm_eps: config.rmsNormEpsilon,
    rope_theta: config.ropeTheta,
    rope_scaling: ropeScaling(config),
    tie_word_embeddings: config.tiedEmbeddings,
    ...slidingWindow(config),
    ...(endOfText === undefined ? {} : { eos_token_id: endOfText, pad_token_id: endOfText }),
  };
}

function ropeScaling({ ropeScaling: scaling }: DecoderConfig): Record<string, unknown> | null {
  if (!scaling) return null;
  if (scaling.type === 'linear') return { rope_type: 'linear', factor: scaling.factor };
  return {
    rope_type: 'llama3',
    factor: scaling.factor,
    low_freq_factor: scaling.lowFrequencyFactor,
    high_freq_factor: scaling.highFrequencyFactor,
    original_max_position_embeddings: scaling.originalMaxPositions,
  };
}

/** Mistral has a window unless it is told otherwise; Qwen wants a switch, and to know that no layer goes without. */
function slidingWindow({ family, slidingWindow: window }: DecoderConfig): Record<string, unknown> {
  if (family === 'llama') return {};
  if (family === 'mistral' || window === undefined) return { sliding_window: window ?? null };
  return { sliding_window: window, use_sliding_window: true, max_window_layers: 0 };
}
