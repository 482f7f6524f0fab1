import type { DecoderConfig } from './config.js';

/** The linears of one layer, by their Hugging Face names. */
export const LAYER_LINEARS = [
  'self_attn.q_proj',
  'self_attn.k_proj',
  'self_attn.v_proj',
  'self_attn.o_proj',
  'mlp.gate_proj',
  'mlp.up_proj',
  'mlp.down_proj',
] as const;

export type LayerLinear = (typeof LAYER_LINEARS)[number];

export const linearName = (layer: number, linear: LayerLinear): string => `model.layers.${layer}.${linear}.weight`;
export const EMBEDDING = 'model.embed_tokens.weight';
export const LM_HEAD = 'lm_head.weight';

/** `[outFeatures, inFeatures]` of a layer's linear. */
export function linearShape(config: DecoderConfig, linear: LayerLinear): readonly [number, number] {
  const { hiddenSize, intermediateSize, heads, keyValueHeads, headSize } = config;
  switch (linear) {
    case 'self_attn.q_proj':
      return [heads * headSize, hiddenSize];
    case 'self_attn.k_proj':
    case 'self_attn.v_proj':
      return [keyValueHeads * headSize, hiddenSize];
    case 'self_attn.o_proj':
      return [hiddenSize, heads * headSize];
    case 'mlp.gate_proj':
    case 'mlp.up_proj':
      return [intermediateSize, hiddenSize];
    case 'mlp.down_proj':
      return [hiddenSize, intermediateSize];
  }
}

/** Where the graph gets its weights, by Hugging Face name: a checkpoint, or one with an adapter merged in. */
export interface WeightSource {
  readonly config: DecoderConfig;
  read(name: string): Promise<Float32Array>;
}

/** A source for several readers that go through the same tensors in step: each is read once and kept for the last one. */
export function sharedSource(source: WeightSource, readers: number): WeightSource {
  const waiting = new Map<string, { readonly weight: Promise<Float32Array>; left: number }>();
  return {
    config: source.config,
    read(name) {
      const known = waiting.get(name) ?? { weight: source.read(name), left: readers };
      known.left--;
      if (known.left > 0) waiting.set(name, known);
      else waiting.delete(name);
      return known.weight;
    },
  };
}
