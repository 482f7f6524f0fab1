import { costOf, type TokenPrices } from '../../llm/index.js';
import type { Outcome } from './ask-all.js';

/** What the answers of a stage took, whichever run they were given in. */
export interface StageUsage {
  readonly answers: number;
  readonly promptTokens: number;
  readonly completionTokens: number;
  /** Answers whose tokens the model did not count. */
  readonly estimatedAnswers: number;
  /** In the currency of the prices; absent without prices. */
  readonly cost?: number;
}

/** Adds up a stage's answers. Equal questions were asked, and count, once. */
export function usageOf(outcomes: readonly Outcome[], prices?: TokenPrices): StageUsage {
  const answers = [...new Set(outcomes.flatMap((outcome) => ('answer' in outcome ? [outcome.answer] : [])))];
  const sum = (field: 'promptTokens' | 'completionTokens') =>
    answers.reduce((total, { usage }) => total + usage[field], 0);
  const tokens = { promptTokens: sum('promptTokens'), completionTokens: sum('completionTokens') };
  return {
    answers: answers.length,
    ...tokens,
    estimatedAnswers: answers.filter(({ usage }) => usage.estimated).length,
    ...(prices ? { cost: costOf(tokens, prices) } : {}),
  };
}
