import { CorruptFileError, InvalidInputError } from '../errors.js';
import type { DecoderConfig } from './config.js';

/** The tensors of a Llama-family decoder by their Hugging Face names, with the shapes that its settings imply. */
export function* expectedTensors(config: DecoderConfig): Generator<[name: string, shape: number[]]> {
  const { hiddenSize, intermediateSize, vocabularySize, headSize } = config;
  const queries = config.heads * headSize;
  const keys = config.keyValueHeads * headSize;
  yield ['model.embed_tokens.weight', [vocabularySize, hiddenSize]];
  for (let layer = 0; layer < config.layers; layer++) {
    const at = `model.layers.${layer}.`;
    yield [`${at}input_layernorm.weight`, [hiddenSize]];
    yield [`${at}self_attn.q_proj.weight`, [queries, hiddenSize]];
    yield [`${at}self_attn.k_proj.weight`, [keys, hiddenSize]];
    yield [`${at}self_attn.v_proj.weight`, [keys, hiddenSize]];
    yield [`${at}self_attn.o_proj.weight`, [hiddenSize, queries]];
    if (config.attentionBias) {
      yield [`${at}self_attn.q_proj.bias`, [queries]];
      yield [`${at}self_attn.k_proj.bias`, [keys]];
      yield [`${at}self_attn.v_proj.bias`, [keys]];
    }
    if (config.queryKeyNorm) {
      yield [`${at}self_attn.q_norm.weight`, [headSize]];
      yield [`${at}self_attn.k_norm.weight`, [headSize]];
    }
    yield [`${at}post_attention_layernorm.weight`, [hiddenSize]];
    yield [`${at}mlp.gate_proj.weight`, [intermediateSize, hiddenSize]];
    yield [`${at}mlp.up_proj.weight`, [intermediateSize, hiddenSize]];
    yield [`${at}mlp.down_proj.weight`, [hiddenSize, intermediateSize]];
  }
  yield ['model.norm.weight', [hiddenSize]];
  if (!config.tiedEmbeddings) yield ['lm_head.weight', [vocabularySize, hiddenSize]];
}

/**
 * Checks what a model's files hold against its settings and returns the names in the model's order. A tensor that is missing
 * or of another shape is a CorruptFileError; one that this decoder would not use is an InvalidInputError, since leaving it
 * out would change the model's output without a word.
 */
export function checkTensors(
  config: DecoderConfig,
  found: { names: Iterable<string>; shape: (name: string) => readonly number[] | undefined; where: string },
): string[] {
  const expected = new Set<string>();
  for (const [name, shape] of expectedTensors(config)) {
    const actual = found.shape(name);
    if (!actual) {
      throw new CorruptFileError('is missing', {
        where: `${found.where}: tensor "${name}"`,
        hint: 'Fetch all files of the model again.',
      });
    }
    if (actual.join() !== shape.join()) {
      throw new CorruptFileError(`has shape [${actual.join(', ')}], but the settings ask for [${shape.join(', ')}]`, {
        where: `${found.where}: tensor "${name}"`,
      });
    }
    expected.add(name);
  }
  for (const name of found.names) {
    if (expected.has(name) || isUnused(name, config)) continue;
    throw new InvalidInputError('is not part of a decoder of this family', {
      where: `${found.where}: tensor "${name}"`,
    });
  }
  return [...expected];
}

/** Tensors that some writers add and that carry nothing: rotary frequencies, and a tied LM head's copy of the embedding. */
function isUnused(name: string, config: DecoderConfig): boolean {
  return name.endsWith('.rotary_emb.inv_freq') || (config.tiedEmbeddings && name === 'lm_head.weight');
}
