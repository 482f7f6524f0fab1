import {
  add,
  type Dimension,
  fusedMatmul,
  type Graph,
  gatherRows,
  logSoftmax,
  multiply,
  negate,
  reciprocal,
  reduceSum,
  squareRoot,
  type Tensor,
  tensor,
  type Value,
} from '../tensor/index.js';
import type { JointBatch, JointSequence } from './joint-batch.js';
import { DEFAULT_TEMPERATURE } from './losses/info-nce.js';
import { DEFAULT_CONTRASTIVE_WEIGHT, type JointLossSettings } from './losses/joint-loss.js';
import { crossEntropy } from './losses/thought-cross-entropy.js';
import type { PackedBatch } from './packing.js';

/**
 * The joint loss as part of the training graph, so that forward and backward pass are one run. It takes batches with at
 * least one thought and one cloned token, and is the same loss as `contrastiveParts` with `jointLoss`.
 *
 * Graph inputs: see `objectiveFeeds`. Parts: `instant`, `thought` and `generation`, scalars.
 */
export function jointObjective(
  vocabularySize: number,
  banned: readonly number[],
): (graph: Graph, hidden: Value) => { loss: Value; parts: Record<string, Value> } {
  return (graph, hidden) => {
    const scalar = (name: string) => graph.input(name, 'float32', []);
    const rows = (name: string, size: Dimension) =>
      gatherRows(graph, hidden, graph.input(`${name}Rows`, 'int64', [size]));
    const normalised = (x: Value) =>
      multiply(graph, x, reciprocal(graph, squareRoot(graph, reduceSum(graph, multiply(graph, x, x), [-1]))));
    const sum = (x: Value) => reduceSum(graph, x, [0, 1], false);
    const documents = normalised(rows('document', 'documents'));
    const sharpness = scalar('inverseTemperature');
    const contrast = (name: string, size: Dimension) => {
      const cosines = fusedMatmul(graph, normalised(rows(name, size)), documents, { transposeB: true });
      const scores = multiply(graph, cosines, sharpness);
      const mask = graph.input(`${name}Mask`, 'float32', [size, 'documents']);
      const targets = graph.input(`${name}Targets`, 'float32', [size, 'documents']);
      const logProbabilities = logSoftmax(graph, add(graph, scores, mask));
      return negate(graph, sum(multiply(graph, targets, logProbabilities)));
    };
    const instant = contrast('instant', 'queries');
    const thought = contrast('thought', 'thinking');
    const head = graph.input('head', 'float32', [vocabularySize, hidden.shape[1]!]);
    const labels = graph.input('labels', 'int64', ['cloned']);
    const { losses } = crossEntropy(graph, rows('cloned', 'cloned'), head, labels, banned);
    const generation = multiply(graph, sum(losses), scalar('clonedShare'));
    const contrastive = multiply(graph, add(graph, instant, thought), scalar('contrastiveShare'));
    const loss = add(graph, contrastive, multiply(graph, generation, scalar('generationShare')));
    return { loss, parts: { instant, thought, generation } };
  };
}

/** Added to the score of a document that is left out of a query's comparison. */
const LEFT_OUT = -1e9;

/** A batch as the objective's inputs, when all its sequences stand in one packed batch. */
export function objectiveFeeds(
  batch: JointBatch,
  packed: PackedBatch,
  sequences: readonly JointSequence[],
  head: Tensor,
  settings: JointLossSettings = {},
): Record<string, Tensor> {
  const { contrastiveWeight = DEFAULT_CONTRASTIVE_WEIGHT, temperature = DEFAULT_TEMPERATURE } = settings;
  const { positives, excluded = () => false } = batch;
  const starts: number[] = [];
  let selected = 0;
  for (const { sequence } of packed.placements) {
    starts[sequence] = selected;
    selected += sequences[sequence]!.selected.length;
  }
  const queries = batch.queries.map((_, i) => i);
  const thinking = queries.filter((i) => sequences[i]!.pooled > 1);
  const cloned = sequences.flatMap(({ labels, pooled }, i) => labels.map((_, k) => starts[i]! + pooled + k));
  const columns = batch.documents.length;
  const matrix = (rows: readonly number[], value: (query: number, document: number) => number) =>
    tensor(
      'float32',
      Float32Array.from({ length: rows.length * columns }, (_, at) =>
        value(rows[Math.floor(at / columns)]!, at % columns),
      ),
      [rows.length, columns],
    );
  const mask = (query: number, document: number) =>
    document !== positives[query] && excluded(query, document) ? LEFT_OUT : 0;
  const targets = (count: number) => (query: number, document: number) =>
    document === positives[query] ? 1 / count : 0;
  const scalar = (value: number) => tensor('float32', Float32Array.of(value), []);
  const integers = (values: readonly number[]) => tensor('int64', BigInt64Array.from(values, BigInt), [values.length]);
  return {
    head,
    instantRows: integers(queries.map((i) => starts[i]!)),
    thoughtRows: integers(thinking.map((i) => starts[i]! + 1)),
    documentRows: integers(batch.documents.map((_, j) => starts[queries.length + j]!)),
    clonedRows: integers(cloned),
    labels: integers(sequences.flatMap(({ labels }) => labels)),
    clonedShare: scalar(1 / cloned.length),
    inverseTemperature: scalar(1 / temperature),
    contrastiveShare: scalar(contrastiveWeight / 2),
    generationShare: scalar(1 - contrastiveWeight),
    instantMask: matrix(queries, mask),
    instantTargets: matrix(queries, targets(queries.length)),
    thoughtMask: matrix(thinking, mask),
    thoughtTargets: matrix(thinking, targets(thinking.length)),
  };
}
