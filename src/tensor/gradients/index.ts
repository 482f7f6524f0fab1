/** Gradient rules, one group of operators a file. They know each operator alone; `gradient.ts` chains them. */
import { ELEMENTWISE_RULES } from './elementwise.js';
import { MATMUL_RULES } from './matmul.js';
import { NORMALISATION_RULES } from './normalisation.js';
import { REDUCTION_RULES } from './reduction.js';
import { ROTARY_RULES } from './rotary.js';
import type { GradientRule } from './rule.js';
import { SHAPE_RULES } from './shape.js';
import { SOFTMAX_RULES } from './softmax.js';

/** Names of standard operators and of ONNX Runtime's own do not overlap among those used here. */
export const GRADIENT_RULES: ReadonlyMap<string, GradientRule> = new Map(
  [
    ELEMENTWISE_RULES,
    MATMUL_RULES,
    NORMALISATION_RULES,
    REDUCTION_RULES,
    ROTARY_RULES,
    SHAPE_RULES,
    SOFTMAX_RULES,
  ].flatMap((group) => Object.entries(group)),
);
