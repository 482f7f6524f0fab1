import { CorruptFileError, InvalidInputError } from '../errors.js';

/**
 * Where @huggingface/tokenizers 0.2.0 differs from Hugging Face's own (Rust) library, and how to make it agree.
 *
 * Pre-tokenizers: its `Split` translates a pattern's character classes exactly, its built-in patterns use JavaScript's, where
 * `\s` has U+FEFF and lacks U+0085, and `\d` is ASCII only; so built-in patterns become `Split`s. Decoders: `ByteFallback`
 * drops a byte order mark (U+FEFF).
 */

/** GPT-2's pattern, which `ByteLevel` stands for. */
export const GPT2_PATTERN = "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";

interface PreTokenizer {
  readonly type: string;
  readonly [field: string]: unknown;
}

/** A `Split` whose matches and the text between them become pieces. */
export const isolate = (Regex: string): PreTokenizer => ({
  type: 'Split',
  pattern: { Regex },
  behavior: 'Isolated',
  invert: false,
});

/** Bytes to their printable stand-ins, without a pattern of its own. */
export const BYTES: PreTokenizer = {
  type: 'ByteLevel',
  add_prefix_space: false,
  trim_offsets: false,
  use_regex: false,
};

export const sequence = (...pretokenizers: PreTokenizer[]): PreTokenizer => ({ type: 'Sequence', pretokenizers });

/** The same pre-tokenizer in terms that the library runs exactly; throws InvalidInputError for one that it cannot. */
export function exactPreTokenizer(preTokenizer: PreTokenizer | null, where: string): PreTokenizer | null {
  switch (preTokenizer?.type) {
    case 'Sequence': {
      const parts = preTokenizer.pretokenizers;
      if (!Array.isArray(parts)) {
        throw new CorruptFileError('a sequence without a list', { where: `${where}: pre_tokenizer.pretokenizers` });
      }
      return { ...preTokenizer, pretokenizers: parts.map((part) => exactPreTokenizer(part, where)) };
    }
    case 'ByteLevel':
      // With a prefix space the library adds it before its own pattern runs; that order cannot be kept here.
      if (preTokenizer.use_regex === false || preTokenizer.add_prefix_space === true) return preTokenizer;
      return sequence(isolate(GPT2_PATTERN), BYTES);
    case 'Digits':
      return isolate(preTokenizer.individual_digits === true ? '\\p{N}' : '\\p{N}+');
    case 'Split': {
      const { behavior } = preTokenizer;
      if (behavior === 'Isolated' || behavior === 'Removed') return preTokenizer;
      throw new InvalidInputError(`split behaviour "${String(behavior)}" is not supported (only Isolated, Removed)`, {
        where: `${where}: pre_tokenizer`,
      });
    }
    default:
      return preTokenizer;
  }
}

/** What decoders of the library hold, as far as it matters here; its types do not export them. */
interface LibraryDecoder {
  readonly decoders?: readonly LibraryDecoder[];
  text_decoder?: InstanceType<typeof TextDecoder>;
}

/** Makes a decoder keep byte order marks, in place. */
export function keepByteOrderMarks(decoder: LibraryDecoder): void {
  decoder.decoders?.forEach(keepByteOrderMarks);
  if (decoder.text_decoder) decoder.text_decoder = new TextDecoder('utf-8', { ignoreBOM: true });
}
