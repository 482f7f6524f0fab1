import { InvalidInputError } from '../errors.js';
import type { Checkpoint } from './checkpoint.js';
import { checkTensors } from './checkpoint-tensors.js';
import type { DecoderConfig } from './config.js';
import { configFromGguf, ROPE_FACTORS } from './config-gguf.js';
import { type Gguf, openGguf } from './formats/gguf.js';
import { tokenizerFromGguf } from './tokenizer-gguf.js';

/** Opens a GGUF file as a checkpoint with Hugging Face's tensor names and layouts. */
export async function openGgufCheckpoint(path: string, sha256: string): Promise<Checkpoint> {
  const gguf = await openGguf(path);
  try {
    return await checkpointFrom(gguf, sha256);
  } catch (error) {
    await gguf.close();
    throw error;
  }
}

async function checkpointFrom(gguf: Gguf, sha256: string): Promise<Checkpoint> {
  const config = await configFromGguf(gguf);
  const ggufNames = new Map([...gguf.tensors.keys()].map((name) => [huggingFaceName(name), name]));
  ggufNames.delete(ROPE_FACTORS);
  const tensor = (name: string) => gguf.tensors.get(ggufNames.get(name) ?? name);
  const shape = (name: string) => tensor(name)?.shape;
  const names = checkTensors(config, { names: ggufNames.keys(), shape, where: gguf.path });
  for (const name of names) gguf.checkReadable(tensor(name)!.name);
  return {
    config,
    tokenizer: tokenizerFromGguf(gguf),
    sha256,
    names,
    shape(name) {
      const found = shape(name);
      if (!found) throw new InvalidInputError(`has no tensor "${name}"`, { where: gguf.path });
      return found;
    },
    async read(name) {
      const weights = await gguf.read(ggufNames.get(name) ?? name);
      const heads = permutedHeads(name, config);
      return heads === undefined ? weights : undoRotaryPermutation(weights, heads, config.headSize);
    },
    close: () => gguf.close(),
  };
}

const LAYER_PARTS: Readonly<Record<string, string>> = {
  attn_norm: 'input_layernorm',
  attn_q: 'self_attn.q_proj',
  attn_k: 'self_attn.k_proj',
  attn_v: 'self_attn.v_proj',
  attn_output: 'self_attn.o_proj',
  attn_q_norm: 'self_attn.q_norm',
  attn_k_norm: 'self_attn.k_norm',
  ffn_norm: 'post_attention_layernorm',
  ffn_gate: 'mlp.gate_proj',
  ffn_up: 'mlp.up_proj',
  ffn_down: 'mlp.down_proj',
};

/** GGUF's tensor name to Hugging Face's (gguf-py's tensor_mapping.py); an unknown name stays as it is. */
function huggingFaceName(name: string): string {
  if (name === 'token_embd.weight') return 'model.embed_tokens.weight';
  if (name === 'output_norm.weight') return 'model.norm.weight';
  if (name === 'output.weight') return 'lm_head.weight';
  const match = /^blk\.(\d+)\.(\w+)\.(weight|bias)$/.exec(name);
  const part = match && Object.hasOwn(LAYER_PARTS, match[2]!) ? LAYER_PARTS[match[2]!] : undefined;
  return match && part ? `model.layers.${match[1]}.${part}.${match[3]}` : name;
}

/** How many heads the rows of this tensor are permuted in, or undefined for a tensor that is not permuted. */
function permutedHeads(name: string, config: DecoderConfig): number | undefined {
  if (config.family !== 'llama') return undefined;
  if (/self_attn\.q_proj\.(weight|bias)$/.test(name)) return config.heads;
  if (/self_attn\.k_proj\.(weight|bias)$/.test(name)) return config.keyValueHeads;
  return undefined;
}

/**
 * llama.cpp turns neighbouring pairs of a head's rows, Hugging Face row i with row i + headSize / 2; its converter reorders the
 * rows of Q and K to fit (`LlamaModel.permute` in convert_hf_to_gguf.py). This puts them back.
 */
function undoRotaryPermutation(weights: Float32Array, heads: number, headSize: number): Float32Array {
  const out = new Float32Array(weights.length);
  const columns = weights.length / (heads * headSize);
  const half = headSize / 2;
  for (let head = 0; head < heads; head++) {
    for (let row = 0; row < headSize; row++) {
      const from = (head * headSize + 2 * (row % half) + (row < half ? 0 : 1)) * columns;
      out.set(weights.subarray(from, from + columns), (head * headSize + row) * columns);
    }
  }
  return out;
}
