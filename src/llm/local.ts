import { Decoder, generate, type NumericMode, openCheckpoint, type Tokenizer } from '../decoder/index.js';
import { InvalidInputError, throwIfAborted } from '../errors.js';
import { type FetchProgress, resolveModel } from '../models/index.js';
import type { ChatAnswer, ChatModel, ChatRequest } from './chat-model.js';
import { ChatModelError } from './chat-model-error.js';
import { type ChatTemplate, chatTemplate } from './chat-template.js';

export interface LocalModelParts {
  readonly name: string;
  readonly decoder: Decoder;
  readonly tokenizer: Tokenizer;
  readonly template: ChatTemplate;
}

/** Below this share of the likeliest words nothing is drawn: the tail of a small model's distribution is noise. */
const TOP_P = 0.9;

/**
 * Our own decoder as a chat model. Requests that wait for each other are answered together where that does not change the answers
 * (fp32, and the same limit, temperature and seed); else one by one. So an answer depends on its request alone.
 */
export class LocalChatModel implements ChatModel {
  readonly name: string;
  readonly #decoder: Decoder;
  readonly #tokenizer: Tokenizer;
  readonly #template: ChatTemplate;
  #waiting: Waiting[] = [];
  #working: Promise<void> | undefined;

  constructor({ name, decoder, tokenizer, template }: LocalModelParts) {
    this.name = name;
    this.#decoder = decoder;
    this.#tokenizer = tokenizer;
    this.#template = template;
  }

  /** @throws InvalidInputError for a conversation that is too long for the model; ChatModelError for an empty answer. */
  async complete(request: ChatRequest): Promise<ChatAnswer> {
    throwIfAborted(request.signal);
    const prompt = this.#template.encode(request.messages);
    const { maxPositions } = this.#decoder;
    if (prompt.length + request.maxTokens > maxPositions) {
      throw new InvalidInputError(
        `the conversation has ${prompt.length} tokens, and with ${request.maxTokens} new ones it is longer than the ${maxPositions} of the model.`,
        { where: this.name, hint: 'Shorten the texts, or allow fewer new tokens.' },
      );
    }
    return new Promise((resolve, reject) => {
      this.#waiting.push({ request, prompt, resolve, reject });
      this.#working ??= this.#work();
    });
  }

  async close(): Promise<void> {
    await this.#working;
    await this.#decoder.close();
  }

  async #work(): Promise<void> {
    // Requests that are made in the same turn of the event loop come together.
    await Promise.resolve();
    while (this.#waiting.length > 0) {
      const batch = this.#takeBatch();
      try {
        const answers = await this.#answer(batch);
        for (const [i, { resolve, reject }] of batch.entries()) {
          const answer = answers[i]!;
          if (answer.text === '') reject(new ChatModelError('empty', 'the answer has no text.', { where: this.name }));
          else resolve(answer);
        }
      } catch (error) {
        for (const { reject } of batch) reject(error);
      }
    }
    this.#working = undefined;
  }

  #takeBatch(): Waiting[] {
    const [first, ...rest] = this.#waiting as [Waiting, ...Waiting[]];
    const together = rest.filter(({ request }) => this.#decoder.mode === 'fp32' && isAlike(request, first.request));
    const batch = [first, ...together];
    this.#waiting = rest.filter((waiting) => !together.includes(waiting));
    return batch;
  }

  async #answer(batch: readonly Waiting[]): Promise<ChatAnswer[]> {
    const { maxTokens, temperature, seed, signal } = batch[0]!.request;
    const prompts = batch.map(({ prompt }) => prompt);
    const { stopTokens } = this.#template;
    const settings = { maxTokens, temperature, topP: TOP_P, seed, stopTokens, ...(signal ? { signal } : {}) };
    const generations = await generate(this.#decoder, prompts, settings);
    return generations.map(([generation], i) => ({
      text: this.#tokenizer.decode(generation!.tokens).trim(),
      usage: { promptTokens: prompts[i]!.length, completionTokens: generation!.tokens.length },
      finishReason: generation!.finishReason,
    }));
  }
}

interface Waiting {
  readonly request: ChatRequest;
  readonly prompt: readonly number[];
  readonly resolve: (answer: ChatAnswer) => void;
  readonly reject: (error: unknown) => void;
}

const isAlike = (a: ChatRequest, b: ChatRequest) =>
  a.maxTokens === b.maxTokens && a.temperature === b.temperature && a.seed === b.seed && a.signal === b.signal;

export interface LoadLocalOptions {
  /** How weights are held and products computed. Default `int8`. */
  readonly mode?: NumericMode | undefined;
  readonly threads?: number | undefined;
  readonly offline?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onFetch?: ((progress: FetchProgress) => void) | undefined;
}

/** Finds a model (a name, a folder, a GGUF file or a Hub repository), fetches it if need be, and loads it. */
export async function loadLocalModel(model: string, options: LoadLocalOptions = {}): Promise<LocalChatModel> {
  const { mode = 'int8', threads, offline, signal, onFetch } = options;
  const files = await resolveModel(model, {
    ...(offline === undefined ? {} : { offline }),
    ...(signal ? { signal } : {}),
    ...(onFetch ? { onProgress: onFetch } : {}),
  });
  const checkpoint = await openCheckpoint(files);
  try {
    const { tokenizer, sha256 } = checkpoint;
    const template = chatTemplate(tokenizer, model);
    const decoder = await Decoder.load(checkpoint, { mode, threads, signal });
    return new LocalChatModel({ name: `local:${model}/${mode}/${sha256.slice(0, 12)}`, decoder, tokenizer, template });
  } finally {
    await checkpoint.close();
  }
}
