"""Made test/fixtures/tiny-models/tokenizers/{tiny_spm_bpe.gguf, edge_cases.json, kinds.json, crossing_tokenizer.json,
crossing_digits_tokenizer.json} and, given the GGUF of
SmolLM2-135M-Instruct, test/fixtures/tokenizers/smollm2.json.

Run once with gguf 0.19.0 and tokenizers 0.23.3: python test/tools/make_tokenizer_fixtures.py [smollm2.gguf]
"""

import json
import struct
import sys
from pathlib import Path

from gguf import GGUFReader, GGUFWriter
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

FIXTURES = Path(__file__).parent.parent / "fixtures"
FOLDER = FIXTURES / "tiny-models" / "tokenizers"

# What is likely to differ between two implementations: space characters that JavaScript sees otherwise than Unicode, digits
# and numerals of other scripts, combining marks, emoji sequences, control characters, long runs.
TEXTS = [
    "a\ufeffb \ufeff c",
    "a\u0085b\u00a0c\u2003d\u3000e\u200bf",
    "\u0661\u0662\u0663 \u0967\u0968 \u2160\u2161 \u00bd \u00b2 12345",
    "e\u0301 nai\u0308ve \u1100\u1161",
    "\U0001f469\u200d\U0001f4bb \U0001f1e9\U0001f1ea \u2764\ufe0f",
    "tab\there\r\nline\u2028next\x0bvt\x0cff",
    "a\x00b\x01c\x7fd",
    "   three   spaces   \n\n\n  end  ",
    "don't DON'T we'Ve I'LL 'tis",
    "x" * 300,
    "fs.readFile(path, { encoding: 'utf8' }) => void;",
    "!\ufeff! !\u0085! \u0661\u0662 a\u0663\u0664b",
    "\u6771\u4eac\u3068\u4eac\u90fd\u3001\u305d\u3057\u3066\u5927\u962a",
]

TOKENIZERS = [
    "crossing",
    "crossing_digits",
    "tiny_bpe_bytelevel",
    "tiny_bpe_digits_bytelevel",
    "tiny_bpe_split_qwen2",
    "tiny_bpe_split_cl100k",
    "tiny_bpe_split_o200k",
    "tiny_bpe_metaspace",
]


def crossing():
    """Tokenizers whose merges were learnt from TEXTS without a pre-tokenizer, so that a piece cut elsewhere shows in the ids."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=1500,
        min_frequency=1,
        show_progress=False,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        special_tokens=["<|endoftext|>"],
    )
    # Every pair of neighbours as a text of its own, so that each becomes a token.
    tokenizer.train_from_iterator([text[at : at + 2] for text in TEXTS for at in range(len(text))], trainer)
    byte_level = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.pre_tokenizer = byte_level
    tokenizer.save(str(FOLDER / "crossing_tokenizer.json"))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True), byte_level])
    tokenizer.save(str(FOLDER / "crossing_digits_tokenizer.json"))


def edge_cases():
    cases = {}
    for name in TOKENIZERS:
        tokenizer = Tokenizer.from_file(str(FOLDER / f"{name}_tokenizer.json"))
        encode = lambda text: tokenizer.encode(text, add_special_tokens=False).ids
        cases[name] = [{"text": text, "ids": encode(text), "decoded": tokenizer.decode(encode(text))} for text in TEXTS]
    (FOLDER / "edge_cases.json").write_text(json.dumps(cases, indent=1) + "\n")


GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
CL100K = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}%s| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)
# The patterns of the models' own tokenizer.json, and for "default" what llama.cpp does for a GGUF that names no kind.
KINDS = {
    "gpt-2": [GPT2],
    "smollm": [r"\p{N}", GPT2],
    "llama-bpe": [CL100K % "{1,3}"],
    "qwen2": [CL100K % ""],
    "tekken": [
        r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+"
        r"|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*"
        r"|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
    ],
    "default": [r"[\p{P}\$\+<=>\^~\|]+", GPT2, r"\p{N}+", r"[0-9][0-9][0-9]"],
}
IGNORE_MERGES = ["llama-bpe", "tekken"]
COMPOSED = ["qwen2"]


def kinds():
    """GGUF's kinds of pre-tokenizer on one vocabulary."""
    cases = {}
    for name, patterns in KINDS.items():
        tokenizer = Tokenizer.from_file(str(FOLDER / "crossing_tokenizer.json"))
        splits = [pre_tokenizers.Split(Regex(pattern), "isolated") for pattern in patterns]
        tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
            [*splits, pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)]
        )
        tokenizer.model.ignore_merges = name in IGNORE_MERGES
        if name in COMPOSED:
            tokenizer.normalizer = normalizers.NFC()
        cases[name] = [{"text": text, "ids": tokenizer.encode(text, add_special_tokens=False).ids} for text in TEXTS]
    (FOLDER / "kinds.json").write_text(json.dumps(cases, indent=1) + "\n")


def varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            return value, at


def fields(data):
    """The (number, value) pairs of a protobuf message."""
    at = 0
    while at < len(data):
        tag, at = varint(data, at)
        if tag & 7 == 0:
            value, at = varint(data, at)
        elif tag & 7 == 5:
            value, at = data[at : at + 4], at + 4
        elif tag & 7 == 1:
            value, at = data[at : at + 8], at + 8
        else:
            length, at = varint(data, at)
            value, at = data[at : at + length], at + length
        yield tag >> 3, value


def sentence_piece():
    """A sentencepiece BPE model's vocabulary as GGUF metadata, with the keys that llama.cpp's converter writes."""
    writer = GGUFWriter(FOLDER / "tiny_spm_bpe.gguf", "llama")
    pieces = [dict(fields(value)) for number, value in fields((FOLDER / "tiny_spm_bpe.model").read_bytes()) if number == 1]
    writer.add_tokenizer_model("llama")
    writer.add_tokenizer_pre("default")
    writer.add_token_list([piece[1] for piece in pieces])
    writer.add_token_scores([struct.unpack("<f", piece[2])[0] if 2 in piece else 0.0 for piece in pieces])
    writer.add_token_types([piece.get(3, 1) for piece in pieces])
    writer.add_eos_token_id(2)
    writer.add_unk_token_id(0)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.close()


def smollm2(path):
    """SmolLM2's own tokenizer (single digits, then GPT-2's pattern), built from the GGUF's vocabulary without special tokens."""
    reader = GGUFReader(path)
    contents = lambda key: reader.fields[key].contents()
    vocabulary = {token: i for i, token in enumerate(contents("tokenizer.ggml.tokens"))}
    merges = [tuple(merge.split(" ")) for merge in contents("tokenizer.ggml.merges")]
    tokenizer = Tokenizer(models.BPE(vocabulary, merges))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    cases = [{"text": text, "ids": tokenizer.encode(text).ids} for text in [*TEXTS, "<|im_end|>", "a<|im_start|>user<repo_name>"]]
    (FIXTURES / "tokenizers" / "smollm2.json").write_text(json.dumps(cases, indent=1) + "\n")


if __name__ == "__main__":
    crossing()
    edge_cases()
    kinds()
    sentence_piece()
    if len(sys.argv) > 1:
        smollm2(sys.argv[1])
