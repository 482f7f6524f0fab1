import { openGguf } from './formats/gguf.js';
import { GgufMetadata } from './formats/gguf-metadata.js';
import { tokenizerJsonFromGguf } from './tokenizer-gguf.js';

/**
 * The tokenizer of a GGUF file as `tokenizer.json` and `tokenizer_config.json`, with all the fields that Hugging Face's own
 * library asks for.
 */
export async function ggufTokenizerFiles(
  path: string,
): Promise<{ readonly 'tokenizer.json': object; readonly 'tokenizer_config.json': object }> {
  const gguf = await openGguf(path);
  try {
    const metadata = new GgufMetadata(gguf);
    const json = tokenizerJsonFromGguf(metadata);
    const tokens = metadata.strings('tokenizer.ggml.tokens');
    const tokenAt = (key: string) => (metadata.has(key) ? tokens[metadata.count(key)] : undefined);
    const end = tokenAt('tokenizer.ggml.eos_token_id');
    return {
      'tokenizer.json': {
        version: '1.0',
        truncation: null,
        padding: null,
        ...json,
        added_tokens: (json.added_tokens ?? []).map((token) => ({
          single_word: false,
          lstrip: false,
          rstrip: false,
          normalized: false,
          ...token,
        })),
        normalizer: json.normalizer ?? null,
        // Would add BOS or EOS, which the sequences of this project do not have.
        post_processor: null,
      },
      'tokenizer_config.json': {
        tokenizer_class: 'PreTrainedTokenizerFast',
        clean_up_tokenization_spaces: false,
        ...(end === undefined ? {} : { eos_token: end, pad_token: tokenAt('tokenizer.ggml.padding_token_id') ?? end }),
      },
    };
  } finally {
    await gguf.close();
  }
}
