import {
  add,
  addRmsNorm,
  concatenate,
  type Dimension,
  Graph,
  gatherRows,
  multiply,
  reshape,
  rmsNorm,
  rotaryEmbedding,
  silu,
  split,
  type Value,
} from '../tensor/index.js';
import { fusedAttention, fusedAttentionFits, plainAttention } from './attention.js';
import { type LinearWeight, linear, type WeightForm } from './linear.js';
import { rotaryTables } from './rotary.js';
import { EMBEDDING, type LayerLinear, LM_HEAD, linearName, linearShape, type WeightSource } from './weights.js';

/**
 * The decoder as a graph: token embeddings in, final hidden states out.
 *
 * Inputs: `embeddings` `[batch, sequence, hidden]`; `positions` int64 `[batch, sequence]`; the attention's own
 * (see attention.ts); for each layer `pastKey.N` and `pastValue.N` `[batch, keyValueHeads, past, headSize]`.
 * Outputs: `hidden` `[batch, sequence, hidden]`, RMS-normed; `newKeys` (rotated) and `newValues` of the new tokens,
 * `[batch, sequence, layers * keyValueHeads * headSize]`.
 *
 * The LM head reads the rows that `logitRows` int64 `[rows]` names, counted over `[batch * sequence]`: only few
 * positions need `logits` `[rows, vocabulary]`.
 */
export async function decoderGraph(weights: WeightSource, form: WeightForm, maxPositions: number): Promise<Graph> {
  const { config } = weights;
  const { hiddenSize, intermediateSize, layers, heads, keyValueHeads, headSize, rmsNormEpsilon: epsilon } = config;
  const [querySize, keySize] = [heads * headSize, keyValueHeads * headSize];
  const graph = new Graph();
  const embeddings = graph.input('embeddings', 'float32', ['batch', 'sequence', hiddenSize]);
  const positions = graph.input('positions', 'int64', ['batch', 'sequence']);
  const { cosine, sine } = rotaryTables(config, maxPositions);
  const tables = {
    cosine: graph.constant('float32', cosine, [maxPositions, headSize / 2]),
    sine: graph.constant('float32', sine, [maxPositions, headSize / 2]),
  };
  const attention = fusedAttentionFits(config)
    ? fusedAttention(graph, config, tables)
    : plainAttention(graph, config, tables, positions);
  const vector = async (name: string) => {
    const data = await weights.read(name);
    return graph.constant('float32', data, [data.length], name);
  };
  /** Several linears of one input as one product: their weights stand below each other. */
  const project = async (x: Value, layer: number, names: readonly LayerLinear[]) =>
    linear(graph, x, await stackedWeight(weights, layer, names), form);
  const biased = async (x: Value, layer: number, projection: string) =>
    config.attentionBias ? add(graph, x, await vector(`model.layers.${layer}.self_attn.${projection}.bias`)) : x;
  const headNormed = async (x: Value, layer: number, count: number, norm: string) => {
    if (!config.queryKeyNorm) return x;
    const perHead = reshape(graph, x, [0, 0, count, headSize], ['batch', 'sequence', count, headSize]);
    const normed = rmsNorm(graph, perHead, await vector(`model.layers.${layer}.self_attn.${norm}.weight`), epsilon);
    return reshape(graph, normed, [0, 0, count * headSize], x.shape);
  };

  const newKeys: Value[] = [];
  const newValues: Value[] = [];
  let residual = embeddings;
  let hidden = rmsNorm(graph, residual, await vector('model.layers.0.input_layernorm.weight'), epsilon);
  for (let layer = 0; layer < layers; layer++) {
    const projected = await project(hidden, layer, ['self_attn.q_proj', 'self_attn.k_proj', 'self_attn.v_proj']);
    const [q, k, v] = split(graph, projected, [querySize, keySize, keySize], -1) as [Value, Value, Value];
    const query = await headNormed(await biased(q, layer, 'q_proj'), layer, heads, 'q_norm');
    const key = await headNormed(await biased(k, layer, 'k_proj'), layer, keyValueHeads, 'k_norm');
    const value = await biased(v, layer, 'v_proj');
    newKeys.push(key);
    newValues.push(value);
    const past: Dimension[] = ['batch', keyValueHeads, 'past', headSize];
    const pastKey = graph.input(`pastKey.${layer}`, 'float32', past);
    const pastValue = graph.input(`pastValue.${layer}`, 'float32', past);
    const attended = attention({ query, key, value, pastKey, pastValue });
    const output = await project(attended, layer, ['self_attn.o_proj']);
    const norm = await vector(`model.layers.${layer}.post_attention_layernorm.weight`);
    const middle = addRmsNorm(graph, residual, output, norm, epsilon);
    const gateUp = await project(middle.normed, layer, ['mlp.gate_proj', 'mlp.up_proj']);
    const [gate, up] = split(graph, gateUp, [intermediateSize, intermediateSize], -1) as [Value, Value];
    const down = await project(multiply(graph, silu(graph, gate), up), layer, ['mlp.down_proj']);
    const nextNorm = layer + 1 < layers ? `model.layers.${layer + 1}.input_layernorm.weight` : 'model.norm.weight';
    const next = addRmsNorm(graph, middle.sum, down, await vector(nextNorm), epsilon);
    residual = next.sum;
    hidden = next.normed;
  }
  graph.output('hidden', hidden);
  const name = config.tiedEmbeddings ? EMBEDDING : LM_HEAD;
  const head = { name, data: await weights.read(name), outFeatures: config.vocabularySize, inFeatures: hiddenSize };
  const flat = reshape(graph, hidden, [-1, hiddenSize], ['places', hiddenSize]);
  const rows = gatherRows(graph, flat, graph.input('logitRows', 'int64', ['rows']));
  graph.output('logits', linear(graph, rows, head, form));
  // All layers' keys are rotated in one go: for the cache they are needed only after the run.
  const keys = concatenate(graph, newKeys, -1, layers * keySize);
  graph.output('newKeys', rotaryEmbedding(graph, keys, positions, tables, layers * keyValueHeads));
  graph.output('newValues', concatenate(graph, newValues, -1, layers * keySize));
  return graph;
}

async function stackedWeight(
  weights: WeightSource,
  layer: number,
  names: readonly LayerLinear[],
): Promise<LinearWeight> {
  const parts = await Promise.all(names.map((name) => weights.read(linearName(layer, name))));
  const outFeatures = names.reduce((sum, name) => sum + linearShape(weights.config, name)[0], 0);
  const inFeatures = linearShape(weights.config, names[0]!)[1];
  const name = linearName(layer, names[0]!);
  if (parts.length === 1) return { name, data: parts[0]!, outFeatures, inFeatures };
  const data = new Float32Array(outFeatures * inFeatures);
  let offset = 0;
  for (const part of parts) {
    data.set(part, offset);
    offset += part.length;
  }
  return { name, data, outFeatures, inFeatures };
}
