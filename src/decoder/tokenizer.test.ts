import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { fixture } from '../../test/fixtures/tiny-models/tiny-model.js';
import { CorruptFileError, InvalidInputError } from '../errors.js';
import { type GgufValue, openGguf } from './formats/gguf.js';
import type { Tokenizer } from './tokenizer.js';
import { tokenizerFromGguf } from './tokenizer-gguf.js';
import { checkTokenizerJson, createTokenizer } from './tokenizer-json.js';

interface Case {
  readonly text: string;
  readonly ids: number[];
  readonly decoded: string;
}

const readJson = (name: string) => JSON.parse(readFileSync(fixture(`tokenizers/${name}`), 'utf8'));

function tokenizerOf(name: string): Tokenizer {
  return createTokenizer(checkTokenizerJson(readJson(name), name), undefined, name);
}

async function ggufTokenizer(path: string): Promise<Tokenizer> {
  const file = await openGguf(path);
  await file.close();
  return tokenizerFromGguf(file);
}

const hfCases: Record<string, { tokenizer: string; cases: Case[] }> = readJson('hf_tokenizer_cases.json');

/** Not BPE, so not of the Llama family: WordPiece is BERT's, Unigram that of T5 and XLM-RoBERTa. */
const OUT_OF_SCOPE = ['wordpiece', 'unigram'];
/** sentencepiece's own files: BPE is tested as GGUF below, the other two are Unigram. */
const SENTENCE_PIECE = ['spm_model', 'spm_bytefallback', 'spm_bpe_model'];

describe("Hugging Face's vectors", () => {
  const inScope = Object.entries(hfCases).filter(([name]) => ![...OUT_OF_SCOPE, ...SENTENCE_PIECE].includes(name));
  test.each(inScope)('%s', (_, { tokenizer: file, cases }) => {
    const tokenizer = tokenizerOf(file);
    const special = new Set((readJson(file).added_tokens as { content: string }[]).map(({ content }) => content));
    const plain = cases.filter(({ text }) => ![...special].some((token) => text.includes(token)));
    expect(plain.length).toBeGreaterThanOrEqual(8);
    expect(plain.map(({ text }) => tokenizer.encode(text))).toEqual(plain.map(({ ids }) => ids));
    expect(plain.map(({ ids }) => tokenizer.decode(ids))).toEqual(plain.map(({ decoded }) => decoded));
  });

  test.each(OUT_OF_SCOPE)('%s is refused by name', (name) => {
    const file = hfCases[name]!.tokenizer;
    expect(() => tokenizerOf(file)).toThrow(InvalidInputError);
    expect(() => tokenizerOf(file)).toThrow(/model\.type: tokenizer model "(WordPiece|Unigram)" is not supported/);
  });

  test('sentencepiece BPE, as GGUF', async () => {
    const tokenizer = await ggufTokenizer(fixture('tokenizers/tiny_spm_bpe.gguf'));
    const { cases } = hfCases.spm_bpe_model!;
    expect(cases.map(({ text }) => tokenizer.encode(text))).toEqual(cases.map(({ ids }) => ids));
    expect(cases.map(({ ids }) => tokenizer.decode(ids))).toEqual(cases.map(({ decoded }) => decoded));
  });
});

const edgeCases: Record<string, Case[]> = readJson('edge_cases.json');

test.each(Object.entries(edgeCases))('%s agrees on texts where implementations differ', (name, cases) => {
  const tokenizer = tokenizerOf(`${name}_tokenizer.json`);
  for (const { text, ids, decoded } of cases) {
    expect({ text, ids: tokenizer.encode(text) }).toEqual({ text, ids });
    expect({ text, decoded: tokenizer.decode(ids) }).toEqual({ text, decoded });
  }
});

describe("llama.cpp's vocabularies", () => {
  const vocabulary = (name: string) =>
    new URL(`../../test/fixtures/tokenizers/ggml-vocab-${name}.gguf`, import.meta.url);
  test.each(['gpt-2', 'llama-spm'])('%s', async (name) => {
    const tokenizer = await ggufTokenizer(vocabulary(name).pathname);
    const texts = readFileSync(`${vocabulary(name).pathname}.inp`, 'utf8')
      .split('\n__ggml_vocab_test__\n')
      .slice(0, -1);
    const ids = readFileSync(`${vocabulary(name).pathname}.out`, 'utf8')
      .split('\n')
      .slice(0, -1)
      .map((line) => line.split(' ').filter(Boolean).map(Number));
    expect(texts.length).toBe(ids.length);
    expect(texts.length).toBeGreaterThan(40);
    texts.forEach((text, i) => {
      expect({ text, ids: tokenizer.encode(text) }).toEqual({ text, ids: ids[i] });
      expect(tokenizer.decode(ids[i]!)).toBe(text);
    });
  });
});

describe('pre-tokenizer kinds of GGUF', () => {
  /** A tokenizer.json's vocabulary as GGUF metadata. */
  function asGguf(file: string, kind: string): Tokenizer {
    const { model, added_tokens: added } = readJson(file);
    const tokens = Object.entries<number>(model.vocab).sort((a, b) => a[1] - b[1]);
    const special = new Set((added as { id: number }[]).map(({ id }) => id));
    const metadata = new Map<string, GgufValue>([
      ['tokenizer.ggml.model', 'gpt2'],
      ['tokenizer.ggml.pre', kind],
      ['tokenizer.ggml.tokens', tokens.map(([token]) => token)],
      ['tokenizer.ggml.token_type', tokens.map(([, id]) => (special.has(id) ? 3 : 1))],
      ['tokenizer.ggml.merges', (model.merges as string[][]).map((pair) => pair.join(' '))],
    ]);
    return tokenizerFromGguf({ path: file, metadata });
  }

  const kinds: Record<string, Pick<Case, 'text' | 'ids'>[]> = readJson('kinds.json');
  test.each(Object.entries(kinds))('%s agrees with its patterns', (kind, cases) => {
    const tokenizer = asGguf('crossing_tokenizer.json', kind);
    for (const { text, ids } of cases) expect({ text, ids: tokenizer.encode(text) }).toEqual({ text, ids });
  });
});

describe('special tokens', () => {
  const tokenizer = tokenizerOf('tiny_bpe_split_qwen2_tokenizer.json');

  test('are never found in text', () => {
    const id = tokenizer.tokenId('<|im_end|>')!;
    expect(id).toBe(1);
    const ids = tokenizer.encode('a<|im_end|>b<|endoftext|>');
    expect(ids).not.toContain(id);
    expect(ids).not.toContain(tokenizer.tokenId('<|endoftext|>'));
    expect(tokenizer.decode(ids)).toBe('a<|im_end|>b<|endoftext|>');
    expect(tokenizer.encode('<|im_end|>')).not.toContain(id);
  });

  test('are left out when decoding, unless asked for', () => {
    const ids = [0, ...tokenizer.encode('hello'), 1];
    expect(tokenizer.decode(ids)).toBe('hello');
    expect(tokenizer.decode(ids, { special: true })).toBe('<|endoftext|>hello<|im_end|>');
  });

  test('are not reached by a model that skips its merges', () => {
    const json = readJson('tiny_bpe_bytelevel_noregex_tokenizer.json');
    json.model.ignore_merges = true;
    json.pre_tokenizer.add_prefix_space = false;
    const tokenizer = createTokenizer(checkTokenizerJson(json, ''), undefined, '');
    expect(tokenizer.encode('<|endoftext|>')).not.toContain(0);
  });

  test('an added token that is not special is ordinary vocabulary', () => {
    const json = readJson('tiny_bpe_split_qwen2_tokenizer.json');
    json.added_tokens.push({ id: 5000, content: '<tool_call>', special: false });
    const tokenizer = createTokenizer(checkTokenizerJson(json, ''), undefined, '');
    expect(tokenizer.encode('<tool_call>')).toEqual([5000]);
    expect(tokenizer.decode([5000])).toBe('<tool_call>');
    expect(tokenizer.vocabularySize).toBe(5001);
  });
});

describe('odd input', () => {
  const tokenizer = tokenizerOf('tiny_bpe_split_qwen2_tokenizer.json');

  test.each([
    ['', ''],
    ['a\0b', 'a\0b'],
    ['\ud83d', '\ufffd'],
    ['\udc00x\ud800', '\ufffdx\ufffd'],
    ['😀', '😀'],
    ['\ufeffx', '\ufeffx'],
  ])('%j comes back as %j', (text, expected) => {
    expect(tokenizer.decode(tokenizer.encode(text))).toBe(expected);
  });

  test('incomplete UTF-8 becomes U+FFFD', () => {
    const ids = tokenizer.encode('é');
    expect(ids.length).toBe(2);
    expect(tokenizer.decode(ids.slice(0, 1))).toBe('\ufffd');
  });

  test('ids that no token has are skipped', () => {
    expect(tokenizer.decode([...tokenizer.encode('a'), 999_999, -1])).toBe('a');
  });

  test('an end-of-text token outside the vocabulary is refused', () => {
    const json = checkTokenizerJson(readJson('tiny_bpe_bytelevel_tokenizer.json'), '');
    const where = 'config.json: eos_token_id';
    expect(() => createTokenizer(json, { token: 999_999, where }, '')).toThrow(/eos_token_id: token 999999 is not/);
    expect(createTokenizer(json, { token: '<|endoftext|>', where }, '').endOfText).toBe(0);
  });

  test.each([
    [{ model: { type: 'BPE', vocab: { a: -1 }, merges: [] } }, /tokenizer\.json: model\.vocab\.a: /],
    [{ model: { type: 'BPE', vocab: {} } }, /tokenizer\.json: model\.merges: /],
    [null, /tokenizer\.json: content: /],
  ])('a wrong tokenizer.json names its field %#', (json, message) => {
    expect(() => checkTokenizerJson(json, 'tokenizer.json')).toThrow(CorruptFileError);
    expect(() => checkTokenizerJson(json, 'tokenizer.json')).toThrow(message);
  });

  test('a split behaviour that the library would get wrong is refused', () => {
    const json = readJson('tiny_bpe_split_qwen2_tokenizer.json');
    json.pre_tokenizer.pretokenizers[0].behavior = 'MergedWithNext';
    expect(() => createTokenizer(checkTokenizerJson(json, ''), undefined, '')).toThrow(
      /"MergedWithNext" is not supported/,
    );
  });
});

describe('GGUF metadata', () => {
  const gpt2: [string, GgufValue][] = [
    ['tokenizer.ggml.model', 'gpt2'],
    ['tokenizer.ggml.pre', 'smollm'],
    ['tokenizer.ggml.tokens', ['a', 'b', 'ab', '1', '<|end|>']],
    ['tokenizer.ggml.token_type', [1, 1, 1, 1, 3]],
    ['tokenizer.ggml.merges', ['a b']],
    ['tokenizer.ggml.eos_token_id', 4],
  ];
  const from = (changes: Record<string, GgufValue | undefined>) => {
    const metadata = new Map<string, GgufValue>(gpt2);
    for (const [key, value] of Object.entries(changes)) {
      if (value === undefined) metadata.delete(key);
      else metadata.set(key, value);
    }
    return () => tokenizerFromGguf({ path: 'model.gguf', metadata });
  };

  test('makes a tokenizer', () => {
    const tokenizer = from({})();
    expect(tokenizer.encode('ab11')).toEqual([2, 3, 3]);
    expect(tokenizer.endOfText).toBe(4);
    expect(tokenizer.vocabularySize).toBe(5);
  });

  test.each([
    [{ 'tokenizer.ggml.pre': 'klingon' }, /metadata "tokenizer\.ggml\.pre": pre-tokenizer "klingon" is not supported/],
    [{ 'tokenizer.ggml.model': 'bert' }, /metadata "tokenizer\.ggml\.model": tokenizer model "bert"/],
    [{ 'tokenizer.ggml.tokens': undefined }, /metadata "tokenizer\.ggml\.tokens": is missing/],
    [{ 'tokenizer.ggml.tokens': 7 }, /tokenizer\.ggml\.tokens": expected a list of strings, got 7/],
    [{ 'tokenizer.ggml.tokens': ['a', 'a', 'b', 'c', 'd'] }, /tokenizer\.ggml\.tokens": "a" appears twice/],
    [{ 'tokenizer.ggml.token_type': [1] }, /token_type": has 1 entries for 5 tokens/],
    [{ 'tokenizer.ggml.merges': undefined }, /tokenizer\.ggml\.merges": is missing/],
    [{ 'tokenizer.ggml.merges': ['ab'] }, /merge 1 of 1: "ab" is no pair of tokens/],
    [{ 'tokenizer.ggml.merges': ['a b', 'b a'] }, /merge 2 of 2: "b a" is no pair of tokens that make a token/],
    [{ 'tokenizer.ggml.eos_token_id': 5 }, /tokenizer\.ggml\.eos_token_id": token 5 is not in the vocabulary/],
  ])('%j names the key', (changes, message) => {
    expect(from(changes)).toThrow(message);
    expect(from(changes)).toThrow('model.gguf');
  });

  test('a sentencepiece model without the dummy prefix', () => {
    const tokenizer = from({
      'tokenizer.ggml.model': 'llama',
      'tokenizer.ggml.tokens': ['<unk>', '\u2581', 'a', '\u2581a', '<0x41>'],
      'tokenizer.ggml.token_type': [2, 1, 1, 1, 6],
      'tokenizer.ggml.scores': [0, -2, -3, -1, 0],
      'tokenizer.ggml.add_space_prefix': false,
      'tokenizer.ggml.eos_token_id': undefined,
    })();
    expect(tokenizer.encode('a a')).toEqual([2, 3]);
    expect(tokenizer.decode([3, 2])).toBe(' aa');
    expect(tokenizer.encode('aA')).toEqual([2, 4]);
    expect(tokenizer.decode([4])).toBe('A');
  });
});
