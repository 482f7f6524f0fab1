"""The training peers: a worker (see lib/worker.mjs) that takes joint steps, in fp32, on batches given as token ids.

`peft` is transformers with PEFT as its users have it; `twin` is the plain PyTorch program in `reference/`. Both go through
the decoder in three sub-batches of queries and three of documents, of like length, as the twin does, put only the thoughts'
places through the LM head, and end with clipping and AdamW.
"""

import os
import sys
import time

from worker import memory, serve

import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM

REFERENCE = os.path.join(os.path.dirname(__file__), "..", "..", "..", "reference")
TOKEN_ROWS = "base_model.model.model.embed_tokens.token_adapter.trainable_tokens_delta"
LINEARS = {
    "q": "self_attn.q_proj",
    "k": "self_attn.k_proj",
    "v": "self_attn.v_proj",
    "o": "self_attn.o_proj",
    "g": "mlp.gate_proj",
    "u": "mlp.up_proj",
    "d": "mlp.down_proj",
}
SUB_BATCHES = 3
TEMPERATURE = 0.02

state = {}


def load(kind, model, adapter, layers, threads):
    """`layers` of the model in the GGUF file, and the adapter in PEFT's layout to train further."""
    torch.set_num_threads(threads)
    folder, file = os.path.split(model)
    base = AutoModelForCausalLM.from_pretrained(folder, gguf_file=file, dtype=torch.float32)
    base.model.layers = base.model.layers[:layers]
    base.config.num_hidden_layers = layers
    {"peft": load_peft, "twin": load_twin}[kind](base, adapter, layers)
    # As in sampling, the four borrowed tokens have no probability.
    state["banned"] = torch.zeros(len(state["head"]))
    state["banned"][state["marks"]] = -1e9
    state["optimiser"] = torch.optim.AdamW(state["parameters"], lr=1e-5, weight_decay=0.0)
    return f"torch {torch.__version__}, fp32, {sum(p.numel() for p in state['parameters']):,} numbers trained"


def load_peft(base, adapter, layers):
    from peft import PeftModel

    # PEFT puts the trained rows into the tied head too; they are banned there, so the bare one does.
    state["head"] = base.lm_head.weight
    model = PeftModel.from_pretrained(base, adapter, is_trainable=True)
    model.train()
    decoder = model.base_model.model.model
    state["hidden"] = lambda ids: decoder(input_ids=ids, use_cache=False).last_hidden_state
    state["parameters"] = [p for p in model.parameters() if p.requires_grad]
    state["rename"] = {}


def load_twin(base, adapter, layers):
    sys.path.insert(0, REFERENCE)
    import llama

    # The twin reads its weights from a file; here they come from the GGUF file, as everyone's.
    weights = {name: value for name, value in base.state_dict().items() if name != "lm_head.weight"}
    llama.load_file = lambda _: weights
    twin = llama.Model("", layers=layers)
    trained = load_file(os.path.join(adapter, "adapter_model.safetensors"))
    with torch.no_grad():
        twin.new.copy_(trained[TOKEN_ROWS])
        for number, layer in enumerate(twin.ls):
            for name, path in LINEARS.items():
                own = f"base_model.model.model.layers.{number}.{path}"
                getattr(layer, name).a.copy_(trained[f"{own}.lora_A.weight"])
                getattr(layer, name).b.copy_(trained[f"{own}.lora_B.weight"])
    state["hidden"] = twin
    state["head"] = twin.E
    state["parameters"] = list(twin.trainable().values())
    # The twin's four rows stand after the vocabulary, in the order of the adapter's.
    state["rename"] = {token: len(twin.E) + row for row, token in enumerate(state["marks"])}


def batch(marks, queries, instantAt, documents):
    """Takes a batch: token ids of `<query> q <emb> <thought> t </s> <emb>` and of `<doc> d <emb>`, positives in place."""
    state["marks"] = marks
    state["batch"] = (queries, instantAt, documents)
    return sum(map(len, queries)) + sum(map(len, documents))


def hidden_states(sequences):
    """Hidden states of each sequence; sub-batches of like length, so that little is padding."""
    rows = [[state["rename"].get(token, token) for token in sequence] for sequence in sequences]
    order = sorted(range(len(rows)), key=lambda i: len(rows[i]))
    size = -(-len(rows) // SUB_BATCHES)
    result = [None] * len(rows)
    for start in range(0, len(order), size):
        chosen = order[start : start + size]
        # Padded to the right, without a mask, since causal attention never looks right.
        ids = torch.nn.utils.rnn.pad_sequence([torch.tensor(rows[i]) for i in chosen], batch_first=True)
        hidden = state["hidden"](ids)
        for row, i in enumerate(chosen):
            result[i] = hidden[row, : len(rows[i])]
    return result


def step():
    """Loss, gradient, clipping, optimiser."""
    start = time.perf_counter()
    queries, instant_at, documents = state["batch"]
    states = hidden_states(queries)
    unit = lambda rows: F.normalize(torch.stack(rows), dim=-1)
    vectors = unit([hidden[-1] for hidden in hidden_states(documents)])
    targets = torch.arange(len(queries))
    nce = lambda rows: F.cross_entropy(unit(rows) @ vectors.T / TEMPERATURE, targets)
    instant = nce([hidden[at] for hidden, at in zip(states, instant_at)])
    thought = nce([hidden[-1] for hidden in states])
    # The place of `<thought>` predicts the thought's first token, that of its last token predicts `</s>`.
    cloned = torch.cat([hidden[at + 1 : -2] for hidden, at in zip(states, instant_at)])
    labels = torch.tensor([token for row, at in zip(queries, instant_at) for token in row[at + 2 : -1]])
    generation = F.cross_entropy(F.linear(cloned, state["head"], state["banned"]), labels)
    loss = 0.8 * (instant + thought) / 2 + 0.2 * generation
    state["optimiser"].zero_grad()
    loss.backward()
    torch.nn.utils.clip_grad_norm_(state["parameters"], 1.0)
    state["optimiser"].step()
    return {"seconds": time.perf_counter() - start, "loss": loss.item()}


serve({"batch": batch, "load": load, "step": step, "memory": memory})
