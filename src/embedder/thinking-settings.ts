import { checkSampling } from '../decoder/index.js';
import { InvalidInputError } from '../errors.js';
import type { QueryOptions } from './query-embedding.js';
import type { O1Settings } from './settings.js';
import type { ThinkingSettings } from './thinking.js';

/** What the caller says, checked, and for the rest what the adapter says. The deadline counts from now. */
export function thinkingSettings(options: QueryOptions, { thinking, lengths }: O1Settings): ThinkingSettings {
  const { thoughts = thinking.thoughts, temperature = thinking.temperature, topP = thinking.topP } = options;
  const { maxTokens = lengths.thought, seed = 0, deadlineMs = Number.POSITIVE_INFINITY } = options;
  checkSampling({ temperature, topP, topK: options.topK });
  checkWhole('thoughts', thoughts, 1);
  checkWhole('seed', seed, 0);
  checkWhole('maxTokens', maxTokens, 1);
  if (!(deadlineMs >= 0)) throw new InvalidInputError(`deadlineMs must be a number from 0 up, got ${deadlineMs}`);
  if (maxTokens > lengths.thought) {
    throw new InvalidInputError(`maxTokens must be at most ${lengths.thought}, got ${maxTokens}`, {
      hint: "The adapter's length policy (o1.json) sets the limit.",
    });
  }
  const never = (options.think ?? thinking.think) === 'never';
  return {
    thoughts: never ? 0 : thoughts,
    temperature,
    topP,
    topK: options.topK,
    seed,
    maxTokens,
    deadline: performance.now() + deadlineMs,
    ignoreEnd: options.ignoreEnd ?? false,
    signal: options.signal,
  };
}

function checkWhole(name: string, value: number, least: number): void {
  if (!(Number.isSafeInteger(value) && value >= least)) {
    throw new InvalidInputError(`${name} must be a whole number from ${least} up, got ${value}`);
  }
}
