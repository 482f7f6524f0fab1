import { add, differentiableRmsNorm, Graph, gatherRows, reshape, type Value } from '../tensor/index.js';
import { loraLinear } from './lora-linear.js';
import { rotaryTables } from './rotary.js';
import { swiGlu } from './swi-glu.js';
import { trainingAttention } from './training-attention.js';
import { type LayerLinear, linearName, linearShape, type WeightSource } from './weights.js';

/** A linear under training and the names of its graph inputs. */
export interface TrainedLinear {
  readonly layer: number;
  readonly linear: LayerLinear;
  readonly outFeatures: number;
  readonly inFeatures: number;
  /** `[outFeatures, inFeatures]`, the frozen weight, by its name in the checkpoint. */
  readonly weight: string;
  /** `[rank, inFeatures]`, by its name in a PEFT adapter. */
  readonly a: string;
  /** `[outFeatures, rank]` */
  readonly b: string;
}

/**
 * The decoder under training: whole sequences in, hidden states of selected places out, differentiable.
 *
 * Graph inputs: `embeddings` `[tokens, hidden]`, tokens being the `rows * sequence` places of the batch; `positions` and
 * `mask` (see `TrainingLayout`); int64 `selected` `[selected]`, the places whose hidden states are asked for; and of each
 * linear the frozen weight, A and B.
 */
export interface TrainingGraph {
  readonly graph: Graph;
  /** `[selected, hidden]`, RMS-normed: what the LM head and the embedder read. */
  readonly hidden: Value;
  /** `embeddings` and of each linear A and B: what has a gradient. */
  readonly variables: readonly Value[];
  readonly linears: readonly TrainedLinear[];
}

export interface TrainingGraphOptions {
  /** Rank of the adapter. */
  readonly rank: number;
  /** alpha / rank */
  readonly scale: number;
  /** The longest sequence. */
  readonly maxPositions: number;
}

export async function trainingGraph(weights: WeightSource, options: TrainingGraphOptions): Promise<TrainingGraph> {
  const { config } = weights;
  const { hiddenSize, layers, heads, keyValueHeads, headSize, rmsNormEpsilon: epsilon } = config;
  const { rank, scale, maxPositions } = options;
  const graph = new Graph();
  const embeddings = graph.input('embeddings', 'float32', ['tokens', hiddenSize]);
  const positions = graph.input('positions', 'int64', ['rows', 'sequence']);
  const mask = graph.input('mask', 'float32', ['rows', 1, 1, 'sequence', 'sequence']);
  const selected = graph.input('selected', 'int64', ['selected']);
  const { cosine, sine } = rotaryTables(config, maxPositions);
  const tables = {
    cosine: graph.constant('float32', cosine, [maxPositions, headSize / 2]),
    sine: graph.constant('float32', sine, [maxPositions, headSize / 2]),
  };
  const attention = trainingAttention(graph, config, tables, { positions, mask });
  const vector = async (name: string) => {
    const data = await weights.read(name);
    return graph.constant('float32', data, [data.length], name);
  };
  const linears: TrainedLinear[] = [];
  const variables = [embeddings];
  const project = (x: Value, layer: number, linear: LayerLinear, again?: () => Value) => {
    const trained = trainedLinear(weights, layer, linear);
    const { outFeatures, inFeatures } = trained;
    const weight = graph.input(trained.weight, 'float32', [outFeatures, inFeatures]);
    const a = graph.input(trained.a, 'float32', [rank, inFeatures]);
    const b = graph.input(trained.b, 'float32', [outFeatures, rank]);
    linears.push(trained);
    variables.push(a, b);
    return loraLinear(graph, x, { weight, a, b, scale }, again);
  };
  const biased = async (x: Value, layer: number, projection: string) =>
    config.attentionBias ? add(graph, x, await vector(`model.layers.${layer}.self_attn.${projection}.bias`)) : x;
  const headNormed = async (x: Value, layer: number, count: number, norm: string) => {
    if (!config.queryKeyNorm) return x;
    const perHead = reshape(graph, x, [0, count, headSize], ['tokens', count, headSize]);
    const normed = differentiableRmsNorm(
      graph,
      perHead,
      await vector(`model.layers.${layer}.self_attn.${norm}.weight`),
      epsilon,
    );
    return reshape(graph, normed, [0, count * headSize], x.shape);
  };

  let residual = embeddings;
  for (let layer = 0; layer < layers; layer++) {
    const norm = (name: string) => vector(`model.layers.${layer}.${name}.weight`);
    const normed = differentiableRmsNorm(graph, residual, await norm('input_layernorm'), epsilon);
    const q = await biased(project(normed, layer, 'self_attn.q_proj'), layer, 'q_proj');
    const k = await biased(project(normed, layer, 'self_attn.k_proj'), layer, 'k_proj');
    const value = await biased(project(normed, layer, 'self_attn.v_proj'), layer, 'v_proj');
    const query = await headNormed(q, layer, heads, 'q_norm');
    const key = await headNormed(k, layer, keyValueHeads, 'k_norm');
    let attended = attention(query, key, value);
    if (layer === layers - 1) {
      // Nothing reads the other places from here on.
      attended = gatherRows(graph, attended, selected);
      residual = gatherRows(graph, residual, selected);
    }
    residual = add(graph, residual, project(attended, layer, 'self_attn.o_proj'));
    const middle = differentiableRmsNorm(graph, residual, await norm('post_attention_layernorm'), epsilon);
    const gate = project(middle, layer, 'mlp.gate_proj');
    const up = project(middle, layer, 'mlp.up_proj');
    const gated = swiGlu(graph, gate, up);
    const down = project(gated.y, layer, 'mlp.down_proj', gated.again);
    residual = add(graph, residual, down);
  }
  const hidden = differentiableRmsNorm(graph, residual, await vector('model.norm.weight'), epsilon);
  return { graph, hidden, variables, linears };
}

/** The names and sizes of a linear under training, A and B as PEFT has them. */
function trainedLinear({ config }: WeightSource, layer: number, linear: LayerLinear): TrainedLinear {
  const [outFeatures, inFeatures] = linearShape(config, linear);
  const path = `base_model.model.model.layers.${layer}.${linear}`;
  return {
    layer,
    linear,
    outFeatures,
    inFeatures,
    weight: linearName(layer, linear),
    a: `${path}.lora_A.weight`,
    b: `${path}.lora_B.weight`,
  };
}
