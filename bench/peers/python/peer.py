"""The transformers peer: a worker (see lib/worker.mjs) that embeds documents, and thinks and embeds a query, in fp32.

Sequences are those of this project: `<doc> d <emb>` and `<query> q <emb> <thought> t </s> <emb>`, in token ids; the
vector is the last token's normalised hidden state.
"""

import os
import time

from worker import memory, serve

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

state = {}


def load(path):
    folder, file = os.path.split(path)
    state["tokenizer"] = AutoTokenizer.from_pretrained(folder, gguf_file=file)
    state["model"] = AutoModelForCausalLM.from_pretrained(folder, gguf_file=file, dtype=torch.float32).eval()
    return f"torch {torch.__version__}, fp32, attention {state['model'].config._attn_implementation}"


def encode(text, limit):
    return state["tokenizer"].encode(text, add_special_tokens=False)[:limit]


def last_hidden(rows):
    """Vectors of token id rows: padded to the right, without a mask, since causal attention never looks right."""
    lengths = torch.tensor([len(row) for row in rows])
    ids = torch.nn.utils.rnn.pad_sequence([torch.tensor(row) for row in rows], batch_first=True)
    hidden = state["model"].model(input_ids=ids, use_cache=False).last_hidden_state
    return torch.nn.functional.normalize(hidden[torch.arange(len(rows)), lengths - 1], dim=-1)


def batches(rows, max_batch_tokens):
    """Sorted by length, then cut so that no padded batch holds more tokens than allowed."""
    batch = []
    for row in sorted(rows, key=len):
        if batch and len(row) * (len(batch) + 1) > max_batch_tokens:
            yield batch
            batch = []
        batch.append(row)
    if batch:
        yield batch


def documents(texts, tokens, limit, maxBatchTokens, threads):
    """Tokenising included. `tokens` and `limit` are those of `o1.json`."""
    torch.set_num_threads(threads)
    start = time.perf_counter()
    rows = [[tokens["document"], *encode(text, limit), tokens["embedding"]] for text in texts]
    for batch in batches(rows, maxBatchTokens):
        last_hidden(batch)
    return {"seconds": time.perf_counter() - start, "tokens": sum(len(row) for row in rows)}


def query(text, tokens, limit, newTokens, threads):
    """Generate a thought of exactly `newTokens` tokens, then encode the whole sequence again."""
    torch.set_num_threads(threads)
    start = time.perf_counter()
    prompt = [tokens["query"], *encode(text, limit), tokens["embedding"], tokens["thought"]]
    ids = torch.tensor([prompt])
    output = state["model"].generate(
        ids,
        attention_mask=torch.ones_like(ids),
        do_sample=False,
        min_new_tokens=newTokens,
        max_new_tokens=newTokens,
        pad_token_id=tokens["end"],
    )
    generated = time.perf_counter()
    last_hidden([[*output[0].tolist(), tokens["end"], tokens["embedding"]]])
    end = time.perf_counter()
    return {
        "seconds": end - start,
        "generateSeconds": generated - start,
        "thought": state["tokenizer"].decode(output[0, len(prompt) :]),
    }


methods = {"load": load, "documents": documents, "query": query, "memory": memory}

with torch.inference_mode():
    serve(methods)
