/** One turn of a conversation. */
export interface ChatMessage {
  readonly role: 'system' | 'user' | 'assistant';
  readonly content: string;
}

export interface ChatRequest {
  /** At most one `system` message, at the start; the last message is the user's. */
  readonly messages: readonly ChatMessage[];
  /** At most this many new tokens. */
  readonly maxTokens: number;
  /** 0 takes the likeliest answer. */
  readonly temperature: number;
  /** Two seeds are two samples. An endpoint may ignore it. */
  readonly seed: number;
  readonly signal?: AbortSignal | undefined;
}

/** Tokens, as the model counts them. */
export interface TokenUsage {
  readonly promptTokens: number;
  readonly completionTokens: number;
  /** The model did not say; these are taken from the lengths of the texts. */
  readonly estimated?: true;
}

export interface ChatAnswer {
  readonly text: string;
  readonly usage: TokenUsage;
  /** `length`: the answer was cut off at `maxTokens`. `other`: a content filter or the like. */
  readonly finishReason: 'stop' | 'length' | 'other';
}

/** Anything that answers a conversation. */
export interface ChatModel {
  /** The model and where it runs: answers of equal names may stand for each other. Never holds a key. */
  readonly name: string;
  /** @throws ChatModelError when there is no usable answer. */
  complete(request: ChatRequest): Promise<ChatAnswer>;
}
