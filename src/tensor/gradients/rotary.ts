import { rotaryEmbedding } from '../contrib.js';
import { negate } from '../operators.js';
import type { Value } from '../value.js';
import type { RuleGroup } from './rule.js';

/** A rotation's gradient is rotated back: the same operator with the sines negated. */
export const ROTARY_RULES: RuleGroup = {
  RotaryEmbedding: ({ graph, node, inputs, gradient }) => {
    const [, positions, cosine, sine] = inputs as [Value, Value, Value, Value];
    const heads = node.attributes.num_heads as number;
    return [
      () => rotaryEmbedding(graph, gradient, positions, { cosine, sine: negate(graph, sine) }, heads),
      undefined,
      undefined,
      undefined,
    ];
  },
};
