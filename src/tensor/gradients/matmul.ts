import { InvalidInputError } from '../../errors.js';
import { fusedMatmul } from '../contrib.js';
import { showShape, type Value } from '../value.js';
import { unbroadcast } from './broadcasting.js';
import type { GradientRule, RuleContext, RuleGroup } from './rule.js';

/** y = scale * op(a) op(b), where op transposes or not. */
const product: GradientRule = (context) => {
  const { graph, node, gradient: g } = context;
  const [a, b] = context.inputs as [Value, Value];
  const transposeA = node.attributes.transA === 1;
  const transposeB = node.attributes.transB === 1;
  const alpha = node.attributes.alpha as { float: number } | undefined;
  const scale = alpha?.float ?? 1;
  checkRanks(context, a, b);
  return [
    () =>
      unbroadcast(
        graph,
        transposeA
          ? fusedMatmul(graph, b, g, { transposeA: transposeB, transposeB: true, scale })
          : fusedMatmul(graph, g, b, { transposeB: !transposeB, scale }),
        a.shape,
      ),
    () => {
      const full = transposeB
        ? fusedMatmul(graph, g, a, { transposeA: true, transposeB: transposeA, scale })
        : fusedMatmul(graph, a, g, { transposeA: !transposeA, scale });
      return unbroadcast(graph, full, b.shape);
    },
  ];
};

function checkRanks({ node }: RuleContext, a: Value, b: Value): void {
  if (a.shape.length < 2 || b.shape.length < 2) {
    throw new InvalidInputError(
      `the gradient of ${node.operator} takes matrices, got ${showShape(a.shape)} and ${showShape(b.shape)}`,
    );
  }
}

/** Matrix products over the last two axes. */
export const MATMUL_RULES: RuleGroup = { MatMul: product, FusedMatMul: product };
