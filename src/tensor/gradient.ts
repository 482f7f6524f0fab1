import { InvalidInputError } from '../errors.js';
import { zeros } from './gradients/broadcasting.js';
import { GRADIENT_RULES } from './gradients/index.js';
import type { Graph, GraphNode } from './graph.js';
import { add } from './operators.js';
import { showShape, type Value } from './value.js';

/**
 * Reverse-mode differentiation: records, in the same graph, the gradient of a scalar `loss` with respect to each of
 * `withRespectTo`, and returns these values in order, each of its variable's shape.
 *
 * Throws InvalidInputError, naming operator and shapes, for an operator without a rule on the way, for a loss that is not
 * a scalar, and for a variable that the loss does not depend on.
 */
export function differentiate(graph: Graph, loss: Value, withRespectTo: readonly Value[]): Value[] {
  if (loss.shape.length > 0) {
    throw new InvalidInputError(`differentiate takes a scalar loss, got shape ${showShape(loss.shape)}`);
  }
  const one = graph.scalar(1, loss.type === 'float64' ? 'float64' : 'float32');
  return backpropagate(graph, [{ value: loss, gradient: one }], withRespectTo);
}

/**
 * The same from gradients that are already known: of each `value` a `gradient` in its shape (a vector-Jacobian product).
 */
export function backpropagate(
  graph: Graph,
  seeds: readonly { readonly value: Value; readonly gradient: Value }[],
  withRespectTo: readonly Value[],
): Value[] {
  const dependent = dependents(graph, withRespectTo);
  const gradients = new Map<string, Value>();
  const accumulate = (value: Value, gradient: Value) => {
    const known = gradients.get(value.name);
    gradients.set(value.name, known ? add(graph, known, gradient) : gradient);
  };
  for (const { value, gradient } of seeds) accumulate(value, gradient);
  for (const node of [...graph.nodes].reverse()) {
    const outputs = node.outputs.map(({ name }) => gradients.get(name));
    if (outputs.every((gradient) => gradient === undefined)) continue;
    const inputs = inputsOf(node);
    if (!inputs.some((input) => input && dependent.has(input.name))) continue;
    const rules = node.gradient?.rule(outputs) ?? applyRule(graph, node, outputs);
    inputs.forEach((input, i) => {
      if (!input || !dependent.has(input.name)) return;
      const record = rules[i];
      if (!record) throw new InvalidInputError(`${describe(node)} has no gradient with respect to its input ${i}`);
      accumulate(input, record());
    });
  }
  return withRespectTo.map((value) => {
    const gradient = gradients.get(value.name);
    if (!gradient) {
      throw new InvalidInputError(`nothing differentiated depends on "${value.name}" ${showShape(value.shape)}`);
    }
    return gradient;
  });
}

const inputsOf = (node: GraphNode) => node.gradient?.inputs ?? node.inputs;

/** Names of the values whose gradient is wanted, and of all real numbers that are computed from them. */
function dependents(graph: Graph, variables: readonly Value[]): Set<string> {
  const dependent = new Set(variables.map(({ name }) => name));
  for (const node of graph.nodes) {
    if (inputsOf(node).some((input) => input && dependent.has(input.name))) {
      for (const { name, type } of node.outputs) if (type.startsWith('float')) dependent.add(name);
    }
  }
  return dependent;
}

function applyRule(graph: Graph, node: GraphNode, gradients: readonly (Value | undefined)[]) {
  const rule = GRADIENT_RULES.get(node.operator);
  if (!rule) throw new InvalidInputError(`no gradient rule for ${describe(node)}`);
  if (node.operator !== 'Split' && gradients.slice(1).some((gradient) => gradient)) {
    throw new InvalidInputError(`${describe(node)} has a gradient rule for its first output only`);
  }
  const outputGradient = (i: number) => gradients[i] ?? zeros(graph, node.outputs[i]!.type, node.outputs[i]!.shape);
  const [inputs, outputs] = [node.inputs as readonly Value[], node.outputs];
  return rule({ graph, node, inputs, outputs, gradient: outputGradient(0), outputGradient });
}

function describe({ domain, operator, inputs, outputs }: GraphNode): string {
  const shapes = (values: readonly (Value | undefined)[]) =>
    values.map((value) => (value ? showShape(value.shape) : '-')).join(', ');
  return `${domain === '' ? '' : `${domain}.`}${operator} (${shapes(inputs)} to ${shapes(outputs)})`;
}
