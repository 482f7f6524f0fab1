import { InvalidInputError } from '../../errors.js';
import {
  add,
  fusedMatmul,
  Graph,
  gatherRows,
  logarithm,
  matmul,
  multiply,
  reduceMax,
  reduceSum,
  Session,
  type SessionOptions,
  softmax,
  subtract,
  type Tensor,
  tensor,
  type Value,
} from '../../tensor/index.js';

export interface CrossEntropy {
  /** Sum over tokens of -log p(label). */
  readonly sum: number;
  /** Gradient of the sum with respect to the hidden states, `[tokens, hidden]`. */
  readonly gradient: Float32Array;
}

/** Tokens that go through the LM head at once: their logits over the vocabulary are the largest tensors of a step. */
const TOKENS_AT_ONCE = 256;

/** Behaviour cloning: cross-entropy of next tokens, from hidden states through a frozen LM head. */
export class ThoughtCrossEntropy {
  readonly #session: Session;
  /** The LM head, `[vocabulary, hidden]`. */
  readonly head: Tensor;
  readonly #banned: ReadonlySet<number>;

  private constructor(session: Session, head: Tensor, banned: readonly number[]) {
    this.#session = session;
    this.head = head;
    this.#banned = new Set(banned);
  }

  /**
   * `head` is the LM head `[vocabulary, hidden]`, used in place, not copied. The `banned` tokens get no probability, as in
   * sampling.
   */
  static async create(
    head: Float32Array,
    hiddenSize: number,
    banned: readonly number[],
    options: SessionOptions = {},
  ): Promise<ThoughtCrossEntropy> {
    const vocabulary = head.length / hiddenSize;
    const session = await Session.create(crossEntropyGraph(vocabulary, hiddenSize, banned), options);
    return new ThoughtCrossEntropy(session, tensor('float32', head, [vocabulary, hiddenSize]), banned);
  }

  /** `hidden` is `[labels.length, hidden]`; each row predicts its label. */
  async run(hidden: Float32Array, labels: readonly number[]): Promise<CrossEntropy> {
    const hiddenSize = this.head.shape[1]!;
    if (hidden.length !== labels.length * hiddenSize) {
      throw new InvalidInputError(
        `cross-entropy: ${labels.length} labels, ${hidden.length / hiddenSize} hidden states of size ${hiddenSize}`,
      );
    }
    const wrong = labels.find((label) => this.#banned.has(label));
    if (wrong !== undefined) throw new InvalidInputError(`cross-entropy: token ${wrong} is banned, but is a label`);
    const gradient = new Float32Array(hidden.length);
    let sum = 0;
    for (let start = 0; start < labels.length; start += TOKENS_AT_ONCE) {
      const chosen = labels.slice(start, start + TOKENS_AT_ONCE);
      const rows = hidden.subarray(start * hiddenSize, (start + chosen.length) * hiddenSize);
      const result = await this.#session.run({
        head: this.head,
        hidden: tensor('float32', rows, [chosen.length, hiddenSize]),
        labels: tensor('int64', BigInt64Array.from(chosen, BigInt), [chosen.length]),
      });
      gradient.set(result.gradient!.data as Float32Array, start * hiddenSize);
      for (const loss of result.losses!.data as Float32Array) sum += loss;
    }
    return { sum, gradient };
  }

  async close(): Promise<void> {
    await this.#session.release();
  }
}

function crossEntropyGraph(vocabulary: number, hiddenSize: number, banned: readonly number[]): Graph {
  const graph = new Graph();
  const head = graph.input('head', 'float32', [vocabulary, hiddenSize]);
  const hidden = graph.input('hidden', 'float32', ['tokens', hiddenSize]);
  const labels = graph.input('labels', 'int64', ['tokens']);
  const { losses, gradient } = crossEntropy(graph, hidden, head, labels, banned);
  graph.output('losses', losses);
  graph.output('gradient', gradient);
  return graph;
}

/**
 * -log p(label) of each hidden state, `[tokens, 1]`, and the gradient of their sum with respect to the hidden states.
 *
 * The gradient p · head - head[label] comes out of the forward pass and is given to differentiation by hand: no rows with a
 * single one in them, and nothing as large as the logits is computed twice.
 */
export function crossEntropy(
  graph: Graph,
  hidden: Value,
  head: Value,
  labels: Value,
  banned: readonly number[],
): { readonly losses: Value; readonly gradient: Value } {
  const vocabulary = head.shape[0] as number;
  const mask = new Float32Array(vocabulary);
  for (const id of banned) mask[id] = -1e9;
  const logits = add(
    graph,
    fusedMatmul(graph, hidden, head, { transposeB: true }),
    graph.constant('float32', mask, [vocabulary]),
  );
  const probabilities = softmax(graph, logits);
  const targets = gatherRows(graph, head, labels);
  // log(sum(exp(logits))) without another pass: the largest probability is exp(largest logit) over that sum.
  const largest = reduceMax(graph, logits);
  const logTotal = subtract(graph, largest, logarithm(graph, reduceMax(graph, probabilities)));
  const labelLogits = reduceSum(graph, multiply(graph, hidden, targets), [-1]);
  const losses = subtract(graph, logTotal, labelLogits);
  const gradient = subtract(graph, matmul(graph, probabilities, head), targets);
  graph.setGradient([losses], { inputs: [hidden], rule: ([g]) => [() => multiply(graph, gradient, g!)] });
  return { losses, gradient };
}
