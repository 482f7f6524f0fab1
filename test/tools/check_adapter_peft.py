"""Vectors of an adapter by transformers and PEFT, to be compared with those of this project.

usage: check_adapter_peft.py MODEL.gguf ADAPTER SEQUENCES.json

SEQUENCES.json: a list of {"ids": token ids, "at": index of the pooled token}. Prints a JSON list of unit vectors.
Nothing but the GGUF file and the adapter folder is read.
"""

import json
import os
import sys

import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM

gguf, adapter, sequences = sys.argv[1:]
base = AutoModelForCausalLM.from_pretrained(
    os.path.dirname(gguf), gguf_file=os.path.basename(gguf), dtype=torch.float32
)
model = PeftModel.from_pretrained(base, adapter).eval()
vectors = []
with torch.no_grad():
    for sequence in json.load(open(sequences)):
        states = model(input_ids=torch.tensor([sequence["ids"]]), output_hidden_states=True).hidden_states[-1]
        vector = torch.nn.functional.normalize(states[0, sequence["at"]], dim=-1)
        vectors.append(vector.tolist())
print(json.dumps(vectors))
