import type { Graph, GraphNode } from '../graph.js';
import type { Value } from '../value.js';

/** What a gradient rule is told. */
export interface RuleContext {
  readonly graph: Graph;
  readonly node: GraphNode;
  readonly inputs: readonly Value[];
  readonly outputs: readonly Value[];
  /** The loss's gradient of the first output. */
  readonly gradient: Value;
  /** The same of any output: zeros where the loss does not depend on it. */
  readonly outputGradient: (index: number) => Value;
}

/**
 * How to record the gradient of each input: a function that is called only where the gradient is wanted, or `undefined`
 * where there is none (indices, shapes).
 */
export type GradientRule = (context: RuleContext) => readonly ((() => Value) | undefined)[];

/** Rules by operator, as one file of this folder gives them. */
export type RuleGroup = Readonly<Record<string, GradientRule>>;
