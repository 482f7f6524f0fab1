import { CorruptFileError, InvalidInputError } from '../errors.js';
import type { Gguf } from './formats/gguf.js';
import { GgufMetadata } from './formats/gguf-metadata.js';
import type { Tokenizer } from './tokenizer.js';
import { BYTES, GPT2_PATTERN, isolate, sequence } from './tokenizer-exact.js';
import { createTokenizer, type TokenizerJson } from './tokenizer-json.js';
import { mergesFromScores } from './tokenizer-scores.js';

/** A GGUF's tokenizer metadata as the `tokenizer.json` it was made from; keys as in docs/gguf.md of ggml. */

/** Token types of the metadata (llama.cpp's `llama_token_type`). */
const NORMAL = 1;
const UNKNOWN = 2;
const CONTROL = 3;
const USER_DEFINED = 4;
const BYTE = 6;

export function tokenizerFromGguf(gguf: Pick<Gguf, 'path' | 'metadata'>): Tokenizer {
  const metadata = new GgufMetadata(gguf);
  const key = 'tokenizer.ggml.eos_token_id';
  const endOfText = metadata.has(key) ? { token: metadata.count(key), where: metadata.where(key) } : undefined;
  return createTokenizer(tokenizerJsonFromGguf(metadata), endOfText, gguf.path);
}

/** The content of the `tokenizer.json`. */
export function tokenizerJsonFromGguf(metadata: GgufMetadata): TokenizerJson {
  const vocabulary = readVocabulary(metadata);
  const model = metadata.string('tokenizer.ggml.model');
  if (model === 'gpt2') return byteLevel(vocabulary, metadata);
  if (model === 'llama') return sentencePiece(vocabulary, metadata);
  throw new InvalidInputError(`tokenizer model "${model}" is not supported (only gpt2, llama)`, {
    where: metadata.where('tokenizer.ggml.model'),
  });
}

interface Vocabulary {
  readonly tokens: readonly string[];
  /** One of the token types for each token. */
  readonly types: readonly number[];
  readonly ids: ReadonlyMap<string, number>;
}

function readVocabulary(metadata: GgufMetadata): Vocabulary {
  const tokens = metadata.strings('tokenizer.ggml.tokens');
  const ids = new Map(tokens.map((token, id) => [token, id]));
  const where = metadata.where('tokenizer.ggml.tokens');
  if (tokens.length === 0) throw new CorruptFileError('has no tokens', { where });
  if (ids.size !== tokens.length) {
    const twice = tokens.find((token, id) => ids.get(token) !== id);
    throw new CorruptFileError(`${JSON.stringify(twice)} appears twice`, { where });
  }
  return { tokens, ids, types: parallel(metadata, 'tokenizer.ggml.token_type', tokens.length, NORMAL) };
}

/** A list with one number a token; files that leave it out mean `otherwise` for all. */
function parallel(metadata: GgufMetadata, key: string, length: number, otherwise: number): readonly number[] {
  if (!metadata.has(key)) return new Array<number>(length).fill(otherwise);
  const values = metadata.numbers(key);
  if (values.length !== length) {
    throw new CorruptFileError(`has ${values.length} entries for ${length} tokens`, { where: metadata.where(key) });
  }
  return values;
}

function addedTokens({ tokens, types }: Vocabulary): NonNullable<TokenizerJson['added_tokens']> {
  return tokens.flatMap((content, id) => {
    const type = types[id];
    if (type !== CONTROL && type !== UNKNOWN && type !== USER_DEFINED) return [];
    return [{ id, content, special: type !== USER_DEFINED, normalized: false }];
  });
}

/** Pre-tokenizers by `tokenizer.ggml.pre`: llama.cpp's names, Hugging Face's patterns. */
const LLAMA3_PATTERN =
  "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";
const QWEN2_PATTERN =
  "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";
const TEKKEN_PATTERN =
  '[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]*[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]+|[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]+[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]*|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+';

interface PreTokenizerKind {
  readonly patterns: readonly string[];
  /** A piece that is a token as it stands needs no merges. */
  readonly ignoreMerges?: boolean;
  readonly normalizer?: 'NFC';
}

const LLAMA3: PreTokenizerKind = { patterns: [LLAMA3_PATTERN], ignoreMerges: true };
const GPT2: PreTokenizerKind = { patterns: [GPT2_PATTERN] };
const SINGLE_DIGITS: PreTokenizerKind = { patterns: ['\\p{N}', GPT2_PATTERN] };
const QWEN2: PreTokenizerKind = { patterns: [QWEN2_PATTERN], normalizer: 'NFC' };

const KINDS: ReadonlyMap<string, PreTokenizerKind> = new Map([
  ['llama-bpe', LLAMA3],
  ['llama3', LLAMA3],
  ['llama-v3', LLAMA3],
  ['gpt-2', GPT2],
  ['smollm', SINGLE_DIGITS],
  ['starcoder', SINGLE_DIGITS],
  ['refact', SINGLE_DIGITS],
  ['command-r', SINGLE_DIGITS],
  ['qwen2', QWEN2],
  ['deepseek-r1-qwen', QWEN2],
  ['tekken', { patterns: [TEKKEN_PATTERN], ignoreMerges: true }],
  // What llama.cpp does where a file names no kind.
  ['default', { patterns: ['[\\p{P}\\$\\+<=>\\^~\\|]+', GPT2_PATTERN, '\\p{N}+', '[0-9][0-9][0-9]'] }],
]);

function byteLevel(vocabulary: Vocabulary, metadata: GgufMetadata): TokenizerJson {
  const key = 'tokenizer.ggml.pre';
  const name = metadata.has(key) ? metadata.string(key) : 'default';
  const kind = KINDS.get(name);
  if (!kind) {
    throw new InvalidInputError(`pre-tokenizer "${name}" is not supported (only ${[...KINDS.keys()].join(', ')})`, {
      where: metadata.where(key),
    });
  }
  const prefix = metadata.has('tokenizer.ggml.add_space_prefix') && metadata.bool('tokenizer.ggml.add_space_prefix');
  return {
    model: {
      type: 'BPE',
      vocab: Object.fromEntries(vocabulary.ids),
      merges: [...metadata.strings('tokenizer.ggml.merges')],
      ignore_merges: kind.ignoreMerges ?? false,
    },
    added_tokens: addedTokens(vocabulary),
    normalizer: prefix ? { type: 'Prepend', prepend: ' ' } : kind.normalizer && { type: kind.normalizer },
    pre_tokenizer: sequence(...kind.patterns.map(isolate), BYTES),
    decoder: BYTES,
  };
}

/** SentencePiece's stand-in for a space. */
const SPACE = '\u2581';

/**
 * SentencePiece BPE. Where the model has the dummy prefix (Llama 2, Mistral: unless the metadata says otherwise), a text
 * gets a space in front, and decoding takes one away.
 */
function sentencePiece(vocabulary: Vocabulary, metadata: GgufMetadata): TokenizerJson {
  const { tokens, types, ids } = vocabulary;
  const prefixKey = 'tokenizer.ggml.add_space_prefix';
  const prefix = metadata.has(prefixKey) ? metadata.bool(prefixKey) : true;
  const unknownKey = 'tokenizer.ggml.unknown_token_id';
  const unknown = tokens[metadata.has(unknownKey) ? metadata.count(unknownKey) : 0];
  if (unknown === undefined) {
    throw new CorruptFileError('is outside the vocabulary', { where: metadata.where(unknownKey) });
  }
  const scores = parallel(metadata, 'tokenizer.ggml.scores', tokens.length, 0);
  const isNormal = (id: number) => types[id] === NORMAL;
  const spaces = { type: 'Replace', pattern: { String: ' ' }, content: SPACE };
  return {
    model: {
      type: 'BPE',
      vocab: Object.fromEntries(ids),
      merges: mergesFromScores(tokens, ids, scores, isNormal),
      unk_token: unknown,
      fuse_unk: true,
      byte_fallback: types.includes(BYTE),
    },
    added_tokens: addedTokens(vocabulary),
    normalizer: prefix ? { type: 'Sequence', normalizers: [{ type: 'Prepend', prepend: SPACE }, spaces] } : spaces,
    pre_tokenizer: null,
    decoder: {
      type: 'Sequence',
      decoders: [
        { type: 'Replace', pattern: { String: SPACE }, content: ' ' },
        { type: 'ByteFallback' },
        { type: 'Fuse' },
        ...(prefix ? [{ type: 'Strip', content: ' ', start: 1, stop: 0 }] : []),
      ],
    },
  };
}
