import type { ThinkingFigure } from './choose-thinking.js';
import type { Estimate } from './estimate.js';
import type { StepRecord, ValidationRecord } from './metrics-log.js';

/** What a run tells of itself while it goes on. */
export type TrainEvent =
  | { readonly type: 'warning'; readonly message: string }
  | ({ readonly type: 'estimate' } & Estimate)
  | { readonly type: 'resumed'; readonly steps: number }
  | { readonly type: 'stage'; readonly index: number; readonly name: string; readonly steps: number }
  | {
      readonly type: 'thoughts';
      readonly stage: string;
      readonly done: number;
      readonly total: number;
    }
  | {
      readonly type: 'step';
      readonly record: StepRecord;
      readonly totalSteps: number;
      /** Tokens read so far and in the whole run. */
      readonly tokens: number;
      readonly totalTokens: number;
    }
  | { readonly type: 'validation'; readonly record: ValidationRecord; readonly best: boolean }
  | { readonly type: 'thinking'; readonly figures: readonly ThinkingFigure[] };
