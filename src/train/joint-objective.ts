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
import { teacherDistribution } from './losses/distillation.js';
import { DEFAULT_TEMPERATURE } from './losses/info-nce.js';
import { DEFAULT_CONTRASTIVE_WEIGHT, type JointLossParts, type JointLossSettings } from './losses/joint-loss.js';
import { crossEntropy } from './losses/thought-cross-entropy.js';
import type { PackedBatch } from './packing.js';

/**
 * The joint loss as part of the training graph, so that forward and backward pass are one run. It takes batches with at
 * least one thought and one cloned token, and is the same loss as `contrastiveParts` with `jointLoss`.
 *
 * A row compares one vector with the documents: cross-entropy between its targets and the softmax of its similarities. With
 * distillation a vector has two rows: InfoNCE's, whose target is the positive, and the committee's.
 *
 * Graph inputs: see `objectiveFeeds`. Parts: `instant` and `thought`, `[rows, 1]`, and `generation`, a scalar; see
 * `objectiveParts`.
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
      return negate(graph, reduceSum(graph, multiply(graph, targets, logProbabilities), [-1]));
    };
    const instant = contrast('instant', 'queries');
    const thought = contrast('thought', 'thinking');
    const head = graph.input('head', 'float32', [vocabularySize, hidden.shape[1]!]);
    const labels = graph.input('labels', 'int64', ['cloned']);
    const { losses } = crossEntropy(graph, rows('cloned', 'cloned'), head, labels, banned);
    const generation = multiply(graph, sum(losses), scalar('clonedShare'));
    const contrastive = multiply(graph, add(graph, sum(instant), sum(thought)), scalar('contrastiveShare'));
    const loss = add(graph, contrastive, multiply(graph, generation, scalar('generationShare')));
    return { loss, parts: { instant, thought, generation } };
  };
}

/** Added to the score of a document that is left out of a query's comparison. */
const LEFT_OUT = -1e9;

/** A comparison of one query's vector with the batch's documents. */
interface Row {
  readonly query: number;
  /** Whether it belongs to the committee, else to InfoNCE. */
  readonly distils: boolean;
}

/** InfoNCE's rows of some queries, then those of the committee. */
function rowsOf(
  queries: readonly number[],
  { committee = [] }: JointBatch,
  { distillation }: JointLossSettings,
): Row[] {
  const scored = distillation ? queries.filter((query) => committee[query]) : [];
  const row = (distils: boolean) => (query: number) => ({ query, distils });
  return [...queries.map(row(false)), ...scored.map(row(true))];
}

const thinkingQueries = ({ queries }: JointBatch, sequences: readonly JointSequence[]) =>
  [...queries.keys()].filter((i) => sequences[i]!.pooled > 1);

/** A batch as the objective's inputs, when all its sequences stand in one packed batch. */
export function objectiveFeeds(
  batch: JointBatch,
  packed: PackedBatch,
  sequences: readonly JointSequence[],
  head: Tensor,
  settings: JointLossSettings = {},
): Record<string, Tensor> {
  const { contrastiveWeight = DEFAULT_CONTRASTIVE_WEIGHT, temperature = DEFAULT_TEMPERATURE } = settings;
  const starts: number[] = [];
  let selected = 0;
  for (const { sequence } of packed.placements) {
    starts[sequence] = selected;
    selected += sequences[sequence]!.selected.length;
  }
  const queries = batch.queries.length;
  const instant = rowsOf([...batch.queries.keys()], batch, settings);
  const thought = rowsOf(thinkingQueries(batch, sequences), batch, settings);
  const cloned = sequences.flatMap(({ labels, pooled }, i) => labels.map((_, k) => starts[i]! + pooled + k));
  return {
    head,
    instantRows: integers(instant.map(({ query }) => starts[query]!)),
    thoughtRows: integers(thought.map(({ query }) => starts[query]! + 1)),
    documentRows: integers(batch.documents.map((_, j) => starts[queries + j]!)),
    clonedRows: integers(cloned),
    labels: integers(sequences.flatMap(({ labels }) => labels)),
    clonedShare: scalar(1 / cloned.length),
    inverseTemperature: scalar(1 / temperature),
    contrastiveShare: scalar(contrastiveWeight / 2),
    generationShare: scalar(1 - contrastiveWeight),
    ...prefixed('instant', comparisons(instant, batch, settings)),
    ...prefixed('thought', comparisons(thought, batch, settings)),
  };
}

/** Mask and targets of rows, `[rows, documents]`; the targets hold the rows' weights too. */
function comparisons(rows: readonly Row[], batch: JointBatch, { distillation }: JointLossSettings) {
  const { positives, excluded = () => false, committee = [] } = batch;
  const columns = batch.documents.length;
  const shape = [rows.length, columns];
  const mask = new Float32Array(rows.length * columns);
  const targets = new Float32Array(rows.length * columns);
  const scored = rows.filter(({ distils }) => distils).length;
  for (const [i, { query, distils }] of rows.entries()) {
    const [left, target] = [mask, targets].map((matrix) => matrix.subarray(i * columns, (i + 1) * columns));
    if (distils) {
      const { candidates, scores } = committee[query]!;
      const logarithms = teacherDistribution(scores, distillation!.teacherTemperature);
      left!.fill(LEFT_OUT);
      for (const [k, document] of candidates.entries()) {
        left![document] = 0;
        target![document]! += (distillation!.weight * Math.exp(logarithms[k]!)) / scored;
      }
    } else {
      const positive = positives[query]!;
      for (let j = 0; j < columns; j++) if (j !== positive && excluded(query, j)) left![j] = LEFT_OUT;
      target![positive] = 1 / (rows.length - scored);
    }
  }
  return { Mask: tensor('float32', mask, shape), Targets: tensor('float32', targets, shape) };
}

/** The loss parts from the objective's outputs. */
export function objectiveParts(
  batch: JointBatch,
  sequences: readonly JointSequence[],
  outputs: Readonly<Record<string, Tensor>>,
  settings: JointLossSettings = {},
): JointLossParts {
  const kind = (name: string, queries: readonly number[]) => {
    const rows = rowsOf(queries, batch, settings);
    const losses = outputs[name]!.data as Float32Array;
    const sum = (distils: boolean) =>
      rows.reduce((total, row, i) => total + (row.distils === distils ? losses[i]! : 0), 0);
    // The rows hold the cross-entropy; the divergence is what it has beyond the committee's own entropy.
    const scored = rows.filter(({ distils }) => distils);
    const entropies = scored.map(({ query }) => {
      const logarithms = teacherDistribution(
        batch.committee![query]!.scores,
        settings.distillation!.teacherTemperature,
      );
      return -logarithms.reduce((total, value) => total + Math.exp(value) * value, 0);
    });
    const entropy = entropies.reduce((total, value) => total + value / scored.length, 0);
    return { nce: sum(false), divergence: scored.length > 0 ? sum(true) / settings.distillation!.weight - entropy : 0 };
  };
  const instant = kind('instant', [...batch.queries.keys()]);
  const thought = kind('thought', thinkingQueries(batch, sequences));
  return {
    instant: instant.nce,
    thought: thought.nce,
    distillation: { instant: instant.divergence, thought: thought.divergence },
    generation: Number(outputs.generation!.data[0]),
  };
}

const scalar = (value: number) => tensor('float32', Float32Array.of(value), []);
const integers = (values: readonly number[]) => tensor('int64', BigInt64Array.from(values, BigInt), [values.length]);

const prefixed = (prefix: string, tensors: Readonly<Record<string, Tensor>>) =>
  Object.fromEntries(Object.entries(tensors).map(([name, value]) => [`${prefix}${name}`, value]));
