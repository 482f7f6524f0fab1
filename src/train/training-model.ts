import {
  type DecoderConfig,
  EMBEDDING,
  type TrainedLinear,
  type TrainingGraph,
  type TrainingGraphOptions,
  trainingGraph,
  type WeightSource,
} from '../decoder/index.js';
import { InvalidInputError } from '../errors.js';
import {
  backpropagate,
  differentiate,
  type Graph,
  Session,
  type SessionOptions,
  type Tensor,
  tensor,
} from '../tensor/index.js';
import { batchFeeds, forEachPlace, type TrainingSequence } from './batch-feeds.js';
import { jointObjective } from './joint-objective.js';
import { TOKEN_ROWS } from './lora.js';
import type { PackedBatch } from './packing.js';
import type { ParameterSet } from './parameters.js';

export interface TrainingModelOptions extends TrainingGraphOptions {
  /** Borrowed tokens, in the order of the trained rows. */
  readonly markTokens: readonly number[];
  readonly session?: SessionOptions;
}

/**
 * A decoder with an adapter under training: hidden states of packed sequences, and the adapter's gradient from theirs.
 *
 * It reads the parameters anew in every run, so that a changed parameter counts at once.
 */
export class TrainingModel {
  readonly config: DecoderConfig;
  readonly parameters: ParameterSet;
  /** Token embeddings of the base model `[vocabulary, hidden]`. */
  readonly embedding: Float32Array;
  readonly #forward: Session;
  readonly #backward: Session;
  readonly #compileDirect: () => Promise<Session>;
  #direct: Promise<Session> | undefined;
  readonly #weights: Record<string, Tensor>;
  readonly #linears: readonly TrainedLinear[];
  readonly #rowOf: ReadonlyMap<number, number>;

  private constructor(fields: {
    config: DecoderConfig;
    parameters: ParameterSet;
    embedding: Float32Array;
    forward: Session;
    backward: Session;
    compileDirect: () => Promise<Session>;
    weights: Record<string, Tensor>;
    linears: readonly TrainedLinear[];
    markTokens: readonly number[];
  }) {
    this.config = fields.config;
    this.parameters = fields.parameters;
    this.embedding = fields.embedding;
    this.#forward = fields.forward;
    this.#backward = fields.backward;
    this.#compileDirect = fields.compileDirect;
    this.#weights = fields.weights;
    this.#linears = fields.linears;
    this.#rowOf = new Map(fields.markTokens.map((token, row) => [token, row]));
  }

  static async create(
    weights: WeightSource,
    parameters: ParameterSet,
    options: TrainingModelOptions,
  ): Promise<TrainingModel> {
    const { config } = weights;
    const training = await trainingGraph(weights, options);
    const feeds: Record<string, Tensor> = {};
    for (const { weight, outFeatures, inFeatures } of training.linears) {
      feeds[weight] = tensor('float32', await weights.read(weight), [outFeatures, inFeatures]);
    }
    // Batches differ in shape from step to step.
    const session = { planMemory: false, ...options.session };
    // Differentiated on a graph of its own: gradients are recorded where the forward pass stands.
    const direct = directGraph(
      await trainingGraph(weights, options),
      jointObjective(config.vocabularySize, options.markTokens),
    );
    return new TrainingModel({
      config,
      parameters,
      embedding: await weights.read(EMBEDDING),
      forward: await Session.create(training.graph.extract({ hidden: training.hidden }), session),
      backward: await Session.create(backwardGraph(training), session),
      compileDirect: () => Session.create(direct, session),
      weights: feeds,
      linears: training.linears,
      markTokens: options.markTokens,
    });
  }

  /** Hidden states of the selected places, `[selected, hidden]`, in the order of `batchFeeds`. */
  async hidden(batch: PackedBatch, sequences: readonly TrainingSequence[]): Promise<Float32Array> {
    const { hidden } = await this.#forward.run({ ...this.#batchFeeds(batch, sequences), ...this.#modelFeeds() });
    return hidden!.data as Float32Array;
  }

  /** Adds to `gradients` what the gradient of the batch's hidden states, `[selected, hidden]`, makes of each parameter. */
  async backward(
    batch: PackedBatch,
    sequences: readonly TrainingSequence[],
    hiddenGradient: Float32Array,
    gradients: ParameterSet,
  ): Promise<void> {
    const { hiddenSize } = this.config;
    const shape = [hiddenGradient.length / hiddenSize, hiddenSize];
    const outputs = await this.#backward.run({
      ...this.#batchFeeds(batch, sequences),
      ...this.#modelFeeds(),
      hiddenGradient: tensor('float32', hiddenGradient, shape),
    });
    this.#accumulate(batch, sequences, outputs, gradients);
  }

  /**
   * Forward pass, joint loss and backward pass in one run. `feeds` are the joint objective's inputs; returns its parts and adds
   * to `gradients`. The graph is compiled when it is first needed.
   */
  async direct(
    batch: PackedBatch,
    sequences: readonly TrainingSequence[],
    feeds: Record<string, Tensor>,
    gradients: ParameterSet,
  ): Promise<Record<string, Tensor>> {
    this.#direct ??= this.#compileDirect();
    const session = await this.#direct;
    const outputs = await session.run({ ...this.#batchFeeds(batch, sequences), ...this.#modelFeeds(), ...feeds });
    this.#accumulate(batch, sequences, outputs, gradients);
    return outputs;
  }

  async close(): Promise<void> {
    const sessions = await Promise.all([this.#forward, this.#backward, this.#direct]);
    await Promise.all(sessions.map((session) => session?.release()));
  }

  #accumulate(
    batch: PackedBatch,
    sequences: readonly TrainingSequence[],
    outputs: Record<string, Tensor>,
    gradients: ParameterSet,
  ): void {
    const { hiddenSize } = this.config;
    for (const { a, b } of this.#linears) {
      for (const name of [a, b]) addTo(gradients.view(name), outputs[name]!.data as Float32Array);
    }
    const rows = gradients.view(TOKEN_ROWS);
    const embeddings = outputs.embeddings!.data as Float32Array;
    forEachPlace(batch, sequences, (token, place) => {
      const row = this.#rowOf.get(token);
      if (row === undefined) return;
      addTo(
        rows.subarray(row * hiddenSize, (row + 1) * hiddenSize),
        embeddings.subarray(place * hiddenSize, (place + 1) * hiddenSize),
      );
    });
  }

  #batchFeeds(batch: PackedBatch, sequences: readonly TrainingSequence[]) {
    const { hiddenSize, vocabularySize } = this.config;
    const rows = this.parameters.view(TOKEN_ROWS);
    return batchFeeds(batch, sequences, hiddenSize, (token) => {
      if (!(Number.isInteger(token) && token >= 0 && token < vocabularySize)) {
        throw new InvalidInputError(`token id ${token} is not in the vocabulary of ${vocabularySize}`);
      }
      const row = this.#rowOf.get(token);
      return row === undefined
        ? this.embedding.subarray(token * hiddenSize, (token + 1) * hiddenSize)
        : rows.subarray(row * hiddenSize, (row + 1) * hiddenSize);
    });
  }

  #modelFeeds(): Record<string, Tensor> {
    const feeds = { ...this.#weights };
    for (const { name, shape } of this.parameters.shapes) {
      if (name !== TOKEN_ROWS) feeds[name] = tensor('float32', this.parameters.view(name), shape);
    }
    return feeds;
  }
}

/** The graph that turns `hiddenGradient` into gradients under their variables' names, with a forward pass of its own. */
function backwardGraph({ graph, hidden, variables }: TrainingGraph): Graph {
  const gradient = graph.input('hiddenGradient', 'float32', hidden.shape);
  const gradients = backpropagate(graph, [{ value: hidden, gradient }], variables);
  return graph.extract(Object.fromEntries(gradients.map((value, i) => [variables[i]!.name, value])));
}

/** Loss and gradients in one graph; gradients stand under their variables' names. */
function directGraph({ graph, hidden, variables }: TrainingGraph, objective: ReturnType<typeof jointObjective>): Graph {
  const { loss, parts } = objective(graph, hidden);
  const gradients = differentiate(graph, loss, variables);
  return graph.extract({
    ...parts,
    ...Object.fromEntries(gradients.map((value, i) => [variables[i]!.name, value])),
  });
}

function addTo(target: Float32Array, values: Float32Array): void {
  for (let i = 0; i < target.length; i++) target[i]! += values[i]!;
}
