import {
  type DecoderConfig,
  EMBEDDING,
  LAYER_LINEARS,
  LM_HEAD,
  linearName,
  linearShape,
  type Tokenizer,
  uniform,
  type WeightSource,
} from '../decoder/index.js';

/** A decoder small enough for unit tests: two layers, 32 wide, 300 tokens. */
export const TINY_CONFIG: DecoderConfig = {
  family: 'llama',
  hiddenSize: 32,
  intermediateSize: 64,
  layers: 2,
  heads: 4,
  keyValueHeads: 2,
  headSize: 16,
  vocabularySize: 300,
  maxPositions: 256,
  rmsNormEpsilon: 1e-5,
  ropeTheta: 10_000,
  ropeScaling: undefined,
  tiedEmbeddings: true,
  attentionBias: false,
  queryKeyNorm: false,
  slidingWindow: undefined,
};

/** Random weights for a model, the same for the same seed. */
export function randomWeights(config: DecoderConfig, seed: number): WeightSource {
  const make = (size: number, key: number, spread: number, centre = 0) =>
    Float32Array.from({ length: size }, (_, i) => centre + spread * (2 * uniform(seed, key, i) - 1));
  const weights = new Map<string, Float32Array>();
  const { hiddenSize, vocabularySize, headSize, layers } = config;
  let key = 0;
  weights.set(EMBEDDING, make(vocabularySize * hiddenSize, key++, 1));
  if (!config.tiedEmbeddings) weights.set(LM_HEAD, make(vocabularySize * hiddenSize, key++, 1));
  weights.set('model.norm.weight', make(hiddenSize, key++, 0.3, 1));
  for (let layer = 0; layer < layers; layer++) {
    for (const linear of LAYER_LINEARS) {
      const [outFeatures, inFeatures] = linearShape(config, linear);
      weights.set(linearName(layer, linear), make(outFeatures * inFeatures, key++, 1 / Math.sqrt(inFeatures)));
      weights.set(linearName(layer, linear).replace('.weight', '.bias'), make(outFeatures, key++, 0.3));
    }
    for (const norm of ['input_layernorm', 'post_attention_layernorm']) {
      weights.set(`model.layers.${layer}.${norm}.weight`, make(hiddenSize, key++, 0.3, 1));
    }
    for (const norm of ['q_norm', 'k_norm']) {
      weights.set(`model.layers.${layer}.self_attn.${norm}.weight`, make(headSize, key++, 0.3, 1));
    }
  }
  return { config, read: async (name) => weights.get(name)!.slice() };
}

/** Ids 0 to 255 are the bytes of UTF-8; those above are special and never come from text. */
export class ByteTokenizer implements Tokenizer {
  readonly vocabularySize: number;
  readonly endOfText = 256;

  constructor(vocabularySize: number = TINY_CONFIG.vocabularySize) {
    this.vocabularySize = vocabularySize;
  }

  encode(text: string): number[] {
    return [...new TextEncoder().encode(text)];
  }

  decode(ids: readonly number[], options: { readonly special?: boolean } = {}): string {
    const texts = ids.map((id) => (id < 256 ? [id] : options.special ? this.encode(`<${id}>`) : []));
    return new TextDecoder().decode(Uint8Array.from(texts.flat()));
  }

  tokenId(token: string): number | undefined {
    const special = /^<(\d+)>$/.exec(token);
    if (special) return Number(special[1]);
    const bytes = this.encode(token);
    return bytes.length === 1 ? bytes[0] : undefined;
  }
}
