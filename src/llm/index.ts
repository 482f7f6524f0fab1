/**
 * Chat models behind one interface: an OpenAI-compatible endpoint, our own decoder, a recording; and what makes asking any of
 * them safe: limits, repetition, budgets, totals. The room knows no prompt and nothing of retrieval.
 */
export type { ChatAnswer, ChatMessage, ChatModel, ChatRequest, TokenUsage } from './chat-model.js';
export { BudgetError, ChatModelError, FAULTS, type Fault } from './chat-model-error.js';
export { type ChatMlMarks, type ChatTemplate, chatMl, chatTemplate } from './chat-template.js';
export { type LoadLocalOptions, LocalChatModel, type LocalModelParts, loadLocalModel } from './local.js';
export { type Budget, ManagedModel, type ManagedModelSettings } from './managed-model.js';
export { type OpenAICompatibleSettings, openaiCompatible } from './openai-compatible.js';
export { recordedModel, recordingModel, requestKey } from './recorded.js';
export { costOf, type TokenPrices, type UsageTotals } from './usage-totals.js';
