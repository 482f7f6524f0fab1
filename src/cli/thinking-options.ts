import type { QueryEmbedding, QueryOptions } from '../embedder/index.js';
import { InvalidInputError } from '../errors.js';
import type { CliContext } from './context.js';

/** Options of commands that embed a query. */
export interface ThinkingOptions {
  readonly think?: NonNullable<QueryOptions['think']>;
  readonly thoughts?: number;
  readonly temperature?: number;
  readonly seed?: number;
  readonly deadline?: number;
  readonly instantWeight?: number;
  readonly thought?: string;
}

/** Options that mean nothing without thinking: naming one asks for it. */
const IMPLY_THINKING = ['thoughts', 'temperature', 'seed', 'instantWeight', 'thought'] as const;

/**
 * The embedder's options. Where the user names how to think, but not whether, the query is thought about; else the
 * adapter's own choice holds.
 */
export function toQueryOptions(context: CliContext, options: ThinkingOptions): QueryOptions {
  const named = IMPLY_THINKING.find((name) => options[name] !== undefined);
  if (options.think === 'never' && named) {
    const flag = named === 'instantWeight' ? 'instant-weight' : named;
    throw new InvalidInputError(`--${flag} and --think never exclude each other.`, { hint: 'Leave one of them out.' });
  }
  if (options.thought !== undefined && options.thoughts !== undefined) {
    throw new InvalidInputError('--thought and --thoughts exclude each other.', {
      hint: 'A thought of your own is embedded as it is; none is written.',
    });
  }
  return {
    think: options.think ?? (named ? 'always' : undefined),
    thoughts: options.thoughts,
    temperature: options.temperature,
    seed: options.seed,
    instantWeight: options.instantWeight,
    deadlineMs: options.deadline,
    thought: options.thought,
    signal: context.signal,
  };
}

/** What to remark about a query's embedding, or nothing. */
export function remarksOn({ deadlineReached, thoughts, truncated, basis, decision }: QueryEmbedding): string[] {
  return [
    ...(decision === 'instant'
      ? ['Not thought about: by the rule of auto a thought would not help here. --think always thinks all the same.']
      : []),
    ...(truncated ? ['The query is longer than the model reads; its end was cut off.'] : []),
    ...(deadlineReached
      ? [
          basis === 'instant'
            ? 'The deadline came before a thought was finished: these are the instant hits.'
            : `The deadline came after ${thoughts.length} of the thoughts.`,
        ]
      : []),
  ];
}

/** Thoughts and how they came about, for programs. */
export function embeddingToJson(embedding: QueryEmbedding) {
  const { thoughts, basis, decision, signals, deadlineReached, truncated, timings } = embedding;
  return {
    basis,
    decision,
    signals,
    thoughts: thoughts.map(({ text, finishReason, logProbability }) => ({ text, finishReason, logProbability })),
    deadlineReached,
    truncated,
    timings,
  };
}
