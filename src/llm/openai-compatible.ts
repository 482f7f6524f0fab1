import type { LanguageModel } from 'ai';
import { assertKey, type Redactor, redactor } from '../api-key.js';
import { endpointUrl } from '../endpoint-url.js';
import { throwIfAborted } from '../errors.js';
import type { ChatAnswer, ChatModel, ChatRequest, TokenUsage } from './chat-model.js';
import { ChatModelError } from './chat-model-error.js';
import { endpointError, faultOf } from './endpoint-error.js';

export interface OpenAICompatibleSettings {
  /** Up to and without `/chat/completions`, e.g. `http://127.0.0.1:11434/v1`. */
  readonly baseURL: string;
  readonly model: string;
  /** Sent as a bearer token, and taken out of everything that comes back. Default: none is sent. */
  readonly apiKey?: string | undefined;
  /** For a whole answer. Default 120 s: long thoughts of a busy local server take most of it. */
  readonly timeoutMs?: number | undefined;
}

/** A model behind any endpoint that speaks OpenAI's chat completions. It asks once: `ManagedModel` asks again. */
export function openaiCompatible(settings: OpenAICompatibleSettings): ChatModel {
  const { model, apiKey, timeoutMs = 120_000 } = settings;
  const baseURL = endpointUrl(settings.baseURL, 'baseURL');
  if (apiKey !== undefined) assertKey(apiKey, 'apiKey');
  const redact = redactor(apiKey);
  const where = `${baseURL}#${model}`;
  let loading: Promise<{ generateText: typeof import('ai').generateText; languageModel: LanguageModel }> | undefined;

  return {
    name: where,
    async complete(request) {
      throwIfAborted(request.signal);
      loading ??= load(baseURL, model, apiKey);
      const { generateText, languageModel } = await loading;
      const timeout = AbortSignal.timeout(timeoutMs);
      const [first, ...rest] = request.messages;
      const system = first?.role === 'system' ? first.content : undefined;
      try {
        const result = await generateText({
          model: languageModel,
          ...(system === undefined ? {} : { system }),
          messages: (system === undefined ? request.messages : rest).map(({ role, content }) => ({
            role: role as 'user' | 'assistant',
            content,
          })),
          maxOutputTokens: request.maxTokens,
          temperature: request.temperature,
          seed: request.seed,
          maxRetries: 0,
          abortSignal: request.signal ? AbortSignal.any([request.signal, timeout]) : timeout,
        });
        return answerOf(request, result, redact, where);
      } catch (error) {
        throwIfAborted(request.signal);
        if (error instanceof ChatModelError) throw error;
        if (timeout.aborted) {
          throw new ChatModelError('time-out', `no whole answer within ${timeoutMs} ms.`, { where });
        }
        if (faultOf(error) === undefined) throw error;
        throw endpointError(error, redact.message, where);
      }
    },
  };
}

/** Imported late: whoever asks no endpoint need not wait for the library. */
async function load(baseURL: string, model: string, apiKey: string | undefined) {
  const [{ generateText }, { createOpenAICompatible }] = await Promise.all([
    import('ai'),
    import('@ai-sdk/openai-compatible'),
  ]);
  const provider = createOpenAICompatible({ baseURL, name: 'endpoint', ...(apiKey === undefined ? {} : { apiKey }) });
  return { generateText, languageModel: provider(model) as LanguageModel };
}

/** The parts of the library's result that are read. */
interface Result {
  readonly text: string;
  readonly finishReason: string;
  readonly usage: { readonly inputTokens: number | undefined; readonly outputTokens: number | undefined };
}

function answerOf(request: ChatRequest, result: Result, redact: Redactor, where: string): ChatAnswer {
  const { finishReason } = result;
  const text = redact.answer(result.text);
  if (text.trim() === '') {
    const hint = finishReason === 'length' ? 'The model spent all tokens on hidden reasoning: allow more.' : undefined;
    throw new ChatModelError('empty', `the answer has no text (finish reason: ${finishReason}).`, {
      where,
      usage: usageOf(request, result),
      ...(hint === undefined ? {} : { hint }),
    });
  }
  return {
    text,
    usage: usageOf(request, result),
    finishReason: finishReason === 'stop' || finishReason === 'length' ? finishReason : 'other',
  };
}

/** English has about 4 characters a token. */
const CHARACTERS_A_TOKEN = 4;

function usageOf({ messages }: ChatRequest, { text, usage }: Result): TokenUsage {
  const { inputTokens, outputTokens } = usage;
  if (inputTokens !== undefined && outputTokens !== undefined) {
    return { promptTokens: inputTokens, completionTokens: outputTokens };
  }
  const characters = messages.reduce((sum, { content }) => sum + content.length, 0);
  return {
    promptTokens: Math.ceil(characters / CHARACTERS_A_TOKEN),
    completionTokens: Math.ceil(text.length / CHARACTERS_A_TOKEN),
    estimated: true,
  };
}
