import { checkSampling } from '../decoder/index.js';
import { InvalidInputError } from '../errors.js';
import type { AutoRule } from './auto-rule.js';
import type { QueryOptions } from './query-embedding.js';
import type { O1Settings } from './settings.js';

type Filled =
  | 'think'
  | 'thoughts'
  | 'temperature'
  | 'topP'
  | 'seed'
  | 'maxTokens'
  | 'ignoreEnd'
  | 'instantWeight'
  | 'deadlineMs';

/** Options of a query, checked, with nothing left open. */
export interface ThinkingSettings
  extends Readonly<Required<Pick<QueryOptions, Filled>>>,
    Pick<QueryOptions, 'topK' | 'thought'> {
  /** The rule to decide by: present where `think` is `auto`. */
  readonly auto: AutoRule | undefined;
}

/** What the caller says, checked, and for the rest what the adapter says. */
export function thinkingSettings(options: QueryOptions, { thinking, lengths }: O1Settings): ThinkingSettings {
  const { thought, topK, ignoreEnd = false } = options;
  const { thoughts = thinking.thoughts, temperature = thinking.temperature, topP = thinking.topP } = options;
  // How far to trust the model's own thoughts says nothing of a thought that the caller gives.
  const { instantWeight = (thought === undefined ? thinking.instantWeight : undefined) ?? 0 } = options;
  const {
    maxTokens = thinking.maxTokens ?? lengths.thought,
    seed = 0,
    deadlineMs = Number.POSITIVE_INFINITY,
  } = options;
  checkSampling({ temperature, topP, topK });
  checkWhole('thoughts', thoughts, 1);
  checkWhole('seed', seed, 0);
  checkWhole('maxTokens', maxTokens, 1);
  if (!(deadlineMs >= 0)) throw new InvalidInputError(`deadlineMs must be a number from 0 up, got ${deadlineMs}`);
  if (!(instantWeight >= 0 && instantWeight <= 1)) {
    throw new InvalidInputError(`instantWeight must be a number from 0 to 1, got ${instantWeight}`);
  }
  if (maxTokens > lengths.thought) {
    throw new InvalidInputError(`maxTokens must be at most ${lengths.thought}, got ${maxTokens}`, {
      hint: "The adapter's length policy (o1.json) sets the limit.",
    });
  }
  // A thought that is there already is read; there is nothing to decide.
  const think = thought === undefined ? (options.think ?? thinking.think) : 'always';
  const auto = think === 'auto' ? autoRule(thinking.auto, options) : undefined;
  return {
    ...{ think, auto, thoughts, temperature, topP, topK, seed, maxTokens, ignoreEnd },
    ...{ instantWeight, deadlineMs, thought },
  };
}

function autoRule(rule: AutoRule | undefined, { instantScores }: QueryOptions): AutoRule {
  if (!rule) {
    throw new InvalidInputError("think: 'auto' needs a rule, and the adapter has none", {
      where: 'o1.json: thinking.auto',
      hint: "Use think: 'never' or 'always', or an adapter whose training chose a rule on a development split.",
    });
  }
  if (rule.signal === 'margin' && !instantScores) {
    throw new InvalidInputError("think: 'auto' goes by the margin of the instant search here, and there is no search", {
      hint: "Give instantScores, a function from the instant vector to the best hits' scores, or use think: 'never' or 'always'.",
    });
  }
  return rule;
}

function checkWhole(name: string, value: number, least: number): void {
  if (!(Number.isSafeInteger(value) && value >= least)) {
    throw new InvalidInputError(`${name} must be a whole number from ${least} up, got ${value}`);
  }
}
