import type { Tokenizer } from '../decoder/index.js';
import { InvalidInputError } from '../errors.js';
import type { ChatMessage } from './chat-model.js';

/** How a model wants a conversation, in token ids. Marks are real tokens; in texts they are ordinary text. */
export interface ChatTemplate {
  /** The conversation and the head of the answer. */
  encode(messages: readonly ChatMessage[]): number[];
  /** Tokens that end an answer. */
  readonly stopTokens: readonly number[];
}

/** The marks around a turn, as token ids. */
export interface ChatMlMarks {
  readonly start: number;
  readonly end: number;
}

/** ChatML, as SmolLM2 and Qwen use it: `<start>role\ntext<end>\n` for each turn. */
export function chatMl(tokenizer: Tokenizer, { start, end }: ChatMlMarks): ChatTemplate {
  const lineBreak = tokenizer.encode('\n');
  return {
    encode: (messages) => [
      ...messages.flatMap(({ role, content }) => [
        start,
        ...tokenizer.encode(`${role}\n${content}`),
        end,
        ...lineBreak,
      ]),
      start,
      ...tokenizer.encode('assistant\n'),
    ],
    stopTokens: stopTokens(tokenizer, end),
  };
}

/** Llama 3's: `<begin>` once, then `<header>role</header>\n\ntext<end of turn>` for each turn. */
function llama3(
  tokenizer: Tokenizer,
  ids: { begin: number; header: number; headerEnd: number; end: number },
): ChatTemplate {
  const head = (role: string) => [ids.header, ...tokenizer.encode(role), ids.headerEnd];
  return {
    encode: (messages) => [
      ids.begin,
      ...messages.flatMap(({ role, content }) => [
        ...head(role),
        ...tokenizer.encode(`\n\n${content.trim()}`),
        ids.end,
      ]),
      ...head('assistant'),
      ...tokenizer.encode('\n\n'),
    ],
    stopTokens: stopTokens(tokenizer, ids.end),
  };
}

/**
 * The template of a model, told by the marks in its vocabulary. A model without any of them is no chat model.
 *
 * @throws InvalidInputError when no template is known for the vocabulary.
 */
export function chatTemplate(tokenizer: Tokenizer, model: string): ChatTemplate {
  const [start, end] = ['<|im_start|>', '<|im_end|>'].map((mark) => tokenizer.tokenId(mark));
  if (start !== undefined && end !== undefined) return chatMl(tokenizer, { start, end });
  const marks = ['<|begin_of_text|>', '<|start_header_id|>', '<|end_header_id|>', '<|eot_id|>'];
  const [begin, header, headerEnd, turnEnd] = marks.map((mark) => tokenizer.tokenId(mark));
  if (begin !== undefined && header !== undefined && headerEnd !== undefined && turnEnd !== undefined) {
    return llama3(tokenizer, { begin, header, headerEnd, end: turnEnd });
  }
  throw new InvalidInputError(
    'no chat template is known for this vocabulary: it has neither the marks of ChatML nor Llama 3.',
    {
      where: model,
      hint: 'Use an instruct model (SmolLM2, Qwen, Llama 3), or run the model behind an OpenAI-compatible endpoint.',
    },
  );
}

const stopTokens = ({ endOfText }: Tokenizer, end: number): number[] =>
  endOfText === undefined || endOfText === end ? [end] : [end, endOfText];
