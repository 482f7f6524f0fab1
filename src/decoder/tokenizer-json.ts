import { AddedToken, Tokenizer as HuggingFaceTokenizer } from '@huggingface/tokenizers';
import { z } from 'zod';
import { CorruptFileError, InvalidInputError } from '../errors.js';
import type { Tokenizer } from './tokenizer.js';
import { exactPreTokenizer, keepByteOrderMarks } from './tokenizer-exact.js';

/**
 * A `Tokenizer` from the content of a `tokenizer.json` (BPE models only, which all Llama-family models are), run by
 * @huggingface/tokenizers.
 */

const addedTokenSchema = z.looseObject({
  id: z.int().nonnegative(),
  content: z.string().min(1),
  special: z.boolean().optional(),
});

const component = z.looseObject({ type: z.string() }).nullish();

const tokenizerSchema = z.looseObject({
  model: z.looseObject({
    type: z.string().optional(),
    vocab: z.record(z.string(), z.int().nonnegative()),
    merges: z.array(z.union([z.string(), z.tuple([z.string(), z.string()])])),
    unk_token: z.string().nullish(),
    continuing_subword_prefix: z.string().nullish(),
  }),
  added_tokens: z.array(addedTokenSchema).nullish(),
  normalizer: component,
  pre_tokenizer: component,
  decoder: component,
});

export type TokenizerJson = z.infer<typeof tokenizerSchema>;

/** Checks the parsed content of a `tokenizer.json`; `where` is for errors. */
export function checkTokenizerJson(json: unknown, where: string): TokenizerJson {
  const type = (json as { model?: { type?: unknown } } | null)?.model?.type;
  if (typeof type === 'string' && type !== 'BPE') {
    throw new InvalidInputError(`tokenizer model "${type}" is not supported (only BPE)`, {
      where: `${where}: model.type`,
    });
  }
  const checked = tokenizerSchema.safeParse(json);
  if (checked.success) return checked.data;
  const issue = checked.error.issues[0]!;
  throw new CorruptFileError(issue.message, { where: `${where}: ${issue.path.join('.') || 'content'}` });
}

/** Lone surrogates, which no UTF-8 can spell. */
const LONE_SURROGATE = /\p{Cs}/gu;

/** The token that ends a text, by id or by text, and where that is said. */
export interface EndOfText {
  readonly token: number | string;
  readonly where: string;
}

/**
 * Builds the tokenizer.
 *
 * Special tokens are kept from the library: it would find them inside text. Added tokens that are *not* special (Qwen's
 * `<tool_call>`, for one) are ordinary vocabulary and are found in text, as the model's own tokenizer does.
 */
export function createTokenizer(json: TokenizerJson, endOfText: EndOfText | undefined, where: string): Tokenizer {
  const added = json.added_tokens ?? [];
  const special = added.filter((token) => token.special);
  const ids = new Map([...Object.entries(json.model.vocab), ...added.map(({ content, id }) => [content, id] as const)]);
  const tokens = new Map([...ids].map(([token, id]) => [id, token]));
  const specialIds = new Set(special.map(({ id }) => id));
  const library = buildLibrary(json, new Set(special.map(({ content }) => content)), where);
  if (library.decoder) {
    // The byte-level decoder must take added tokens as they are spelled, not as bytes.
    library.decoder.added_tokens = added.map((token) => new AddedToken(token));
    keepByteOrderMarks(library.decoder as object);
  }

  const end = typeof endOfText?.token === 'string' ? ids.get(endOfText.token) : endOfText?.token;
  if (endOfText && (end === undefined || !tokens.has(end))) {
    throw new CorruptFileError(`token ${JSON.stringify(endOfText.token)} is not in the vocabulary`, {
      where: endOfText.where,
    });
  }
  return {
    vocabularySize: [...tokens.keys()].reduce((most, id) => Math.max(most, id), -1) + 1,
    endOfText: end,
    encode: (text) => library.encode(text.replace(LONE_SURROGATE, '\uFFFD'), { add_special_tokens: false }).ids,
    decode(ids, { special: keepSpecial = false } = {}) {
      const texts = ids
        .filter((id) => keepSpecial || !specialIds.has(id))
        .map((id) => tokens.get(id))
        .filter((token) => token !== undefined);
      return library.decoder ? library.decoder.decode(texts) : texts.join(' ');
    },
    tokenId: (token) => ids.get(token),
  };
}

function buildLibrary(json: TokenizerJson, special: ReadonlySet<string>, where: string): HuggingFaceTokenizer {
  // The unknown token stays: the model falls back on it, and no text merges into it.
  const inText = ([token]: [string, number]) => !special.has(token) || token === json.model.unk_token;
  const content = {
    ...json,
    model: {
      ...json.model,
      type: 'BPE',
      vocab: Object.fromEntries(Object.entries(json.model.vocab).filter(inText)),
      merges: checkedMerges(json, where),
    },
    added_tokens: (json.added_tokens ?? []).filter((token) => !token.special),
    normalizer: json.normalizer ?? null,
    pre_tokenizer: exactPreTokenizer(json.pre_tokenizer ?? null, where),
    decoder: json.decoder ?? null,
    // Only adds BOS and EOS.
    post_processor: null,
  };
  try {
    return new HuggingFaceTokenizer(content, {});
  } catch (error) {
    throw new CorruptFileError(`the tokenizer cannot be built: ${(error as Error).message}`, {
      where: `${where}: tokenizer`,
      cause: error,
    });
  }
}

/** The merges as pairs; each half and their union must be tokens, or text would be lost without a word. */
function checkedMerges({ model }: TokenizerJson, where: string): [string, string][] {
  if (model.continuing_subword_prefix) {
    throw new InvalidInputError('a subword prefix is not supported', {
      where: `${where}: model.continuing_subword_prefix`,
    });
  }
  return model.merges.map((merge, i) => {
    const pair = typeof merge === 'string' ? merge.split(' ') : merge;
    const [left, right] = pair;
    const isToken = (token: string | undefined) => token !== undefined && Object.hasOwn(model.vocab, token);
    if (pair.length !== 2 || !isToken(left) || !isToken(right) || !isToken(`${left}${right}`)) {
      throw new CorruptFileError(`${JSON.stringify(merge)} is no pair of tokens that make a token`, {
        where: `${where}: merge ${i + 1} of ${model.merges.length}`,
      });
    }
    return pair as [string, string];
  });
}
