"""Made test/fixtures/tiny-models/{block_formats.json, tiny_qwen2.gguf, tiny_qwen3.gguf, tiny_llama_bf16.gguf, tiny_llama3.gguf}.

Run once with gguf 0.19.0, numpy 2.4.6 and safetensors 0.8.0: python test/tools/make_model_fixtures.py
"""

import base64
import json
import math
from pathlib import Path

import numpy as np
from gguf import GGMLQuantizationType, GGUFWriter, quants
from safetensors.numpy import load_file

FOLDER = Path(__file__).parent.parent / "fixtures" / "tiny-models"


def encoded(array):
    return base64.b64encode(np.ascontiguousarray(array).tobytes()).decode()


def block_formats():
    """Blocks and what gguf-py dequantises them to, as little-endian fp32."""
    random = np.random.default_rng(7)
    vectors = {}
    weights = random.normal(0, 0.05, (3, 64)).astype(np.float32)
    for name in ["F16", "BF16", "Q8_0", "Q4_0", "Q4_1", "Q5_0", "Q5_1"]:
        kind = GGMLQuantizationType[name]
        blocks = quants.quantize(weights, kind)
        vectors[name] = {"blocks": encoded(blocks), "values": encoded(quants.dequantize(blocks, kind))}
    # gguf-py cannot quantise to these: random bytes with small scales are valid blocks.
    for name, block_bytes, half_offsets in [("Q4_K", 144, (0, 2)), ("Q5_K", 176, (0, 2)), ("Q6_K", 210, (208,))]:
        kind = GGMLQuantizationType[name]
        blocks = random.integers(0, 256, (4, block_bytes)).astype(np.uint8)
        for block in blocks:
            for offset in half_offsets:
                scale = np.float16(random.normal(0, 0.01))
                block[offset : offset + 2] = np.frombuffer(scale.tobytes(), np.uint8)
        vectors[name] = {"blocks": encoded(blocks), "values": encoded(quants.dequantize(blocks, kind))}
    (FOLDER / "block_formats.json").write_text(json.dumps(vectors, indent=1) + "\n")


NAMES = {
    "model.embed_tokens.weight": "token_embd.weight",
    "model.norm.weight": "output_norm.weight",
    "lm_head.weight": "output.weight",
}
PARTS = {
    "input_layernorm": "attn_norm",
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "self_attn.q_norm": "attn_q_norm",
    "self_attn.k_norm": "attn_k_norm",
    "post_attention_layernorm": "ffn_norm",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
}


def gguf_name(name):
    if name in NAMES:
        return NAMES[name]
    _, _, layer, *part, kind = name.split(".")
    return f"blk.{layer}.{PARTS['.'.join(part)]}.{kind}"


def permute(weights, heads):
    """As `LlamaModel.permute` of llama.cpp's convert_hf_to_gguf.py."""
    return weights.reshape(heads, 2, weights.shape[0] // heads // 2, *weights.shape[1:]).swapaxes(1, 2).reshape(weights.shape)


def write_model(source, architecture, target, kind="F32", rope_divisors=None):
    config = json.loads((FOLDER / f"{source}_config.json").read_text())
    writer = GGUFWriter(FOLDER / target, architecture)
    heads, key_value_heads = config["num_attention_heads"], config["num_key_value_heads"]
    head_size = config.get("head_dim", config["hidden_size"] // heads)
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_head_count(heads)
    writer.add_head_count_kv(key_value_heads)
    writer.add_key_length(head_size)
    writer.add_value_length(head_size)
    writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
    writer.add_rope_freq_base(config["rope_theta"])
    writer.add_tokenizer_model("llama")
    writer.add_token_list([f"<tok_{i}>" for i in range(config["vocab_size"])])
    for name, weights in load_file(FOLDER / f"{source}.safetensors").items():
        if name.endswith("inv_freq") or (name == "lm_head.weight" and config["tie_word_embeddings"]):
            continue
        if architecture == "llama" and "q_proj" in name:
            weights = permute(weights, heads)
        if architecture == "llama" and "k_proj" in name:
            weights = permute(weights, key_value_heads)
        if kind == "F32" or weights.ndim == 1:
            writer.add_tensor(gguf_name(name), weights)
        else:
            type_ = GGMLQuantizationType[kind]
            writer.add_tensor(gguf_name(name), quants.quantize(weights, type_), raw_dtype=type_)
    if rope_divisors is not None:
        writer.add_tensor("rope_freqs.weight", np.array(rope_divisors, np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def llama3_divisors(head_size, theta, factor, low, high, positions):
    """As `LlamaModel.generate_extra_tensors` of llama.cpp's convert_hf_to_gguf.py."""
    divisors = []
    for frequency in 1.0 / (theta ** (np.arange(0, head_size, 2) / head_size)):
        wave_length = 2 * math.pi / frequency
        if wave_length < positions / high:
            divisors.append(1)
        elif wave_length > positions / low:
            divisors.append(factor)
        else:
            smooth = (positions / wave_length - low) / (high - low)
            divisors.append(1 / ((1 - smooth) / factor + smooth))
    return divisors


if __name__ == "__main__":
    block_formats()
    write_model("tiny_qwen2", "qwen2", "tiny_qwen2.gguf")
    write_model("tiny_qwen3", "qwen3", "tiny_qwen3.gguf")
    write_model("tiny_llama", "llama", "tiny_llama_bf16.gguf", "BF16")
    # The tiny Q8 model has heads of 16: eight frequencies, some of them between the two bounds.
    write_model("tiny_llama_q8", "llama", "tiny_llama3.gguf", "F32", llama3_divisors(16, 10000.0, 8.0, 1.0, 4.0, 8192))
