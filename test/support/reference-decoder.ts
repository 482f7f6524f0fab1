/**
 * A decoder as plain loops in double precision: slow, and independent of everything that the real one is built of.
 */
import {
  type DecoderConfig,
  EMBEDDING,
  type LAYER_LINEARS,
  LM_HEAD,
  linearName,
  linearShape,
  type WeightSource,
} from '../../src/decoder/index.js';

type Matrix = number[][];

/** Logits `[sequence, vocabulary]` of one sequence. */
export async function referenceLogits(weights: WeightSource, ids: readonly number[]): Promise<Matrix> {
  const { config } = weights;
  const { hiddenSize, heads, keyValueHeads, headSize, layers } = config;
  const embedding = await weights.read(EMBEDDING);
  const rows = (data: Float32Array, width: number): Matrix =>
    Array.from({ length: data.length / width }, (_, i) => [...data.subarray(i * width, (i + 1) * width)]);
  const project = async (x: Matrix, layer: number, linear: (typeof LAYER_LINEARS)[number]) => {
    const name = linearName(layer, linear);
    const matrix = rows(await weights.read(name), linearShape(config, linear)[1]);
    const biased = config.attentionBias && /[qkv]_proj/.test(name);
    const bias = biased ? await weights.read(name.replace('.weight', '.bias')) : undefined;
    return x.map((row) => matrix.map((w, i) => inner(w, row) + (bias?.[i] ?? 0)));
  };
  const norm = async (x: Matrix, name: string) => {
    const weight = await weights.read(name);
    return x.map((row) => {
      const scale = 1 / Math.sqrt(inner(row, row) / row.length + config.rmsNormEpsilon);
      return row.map((value, i) => value * scale * weight[i]!);
    });
  };
  /** Splits into heads, norms them where the model does, and rotates. */
  const headsOf = async (x: Matrix, count: number, layer: number, part: 'q_norm' | 'k_norm') => {
    const name = `model.layers.${layer}.self_attn.${part}.weight`;
    return Promise.all(
      x.map(async (row, position) => {
        const split = Array.from({ length: count }, (_, h) => row.slice(h * headSize, (h + 1) * headSize));
        const normed = config.queryKeyNorm ? await norm(split, name) : split;
        return normed.map((head) => rotate(head, position, config));
      }),
    );
  };

  let x: Matrix = ids.map((id) => [...embedding.subarray(id * hiddenSize, (id + 1) * hiddenSize)]);
  for (let layer = 0; layer < layers; layer++) {
    const h = await norm(x, `model.layers.${layer}.input_layernorm.weight`);
    const q = await headsOf(await project(h, layer, 'self_attn.q_proj'), heads, layer, 'q_norm');
    const k = await headsOf(await project(h, layer, 'self_attn.k_proj'), keyValueHeads, layer, 'k_norm');
    const v = await project(h, layer, 'self_attn.v_proj');
    const attended = q.map((queryHeads, t) => {
      const oldest = config.slidingWindow === undefined ? 0 : Math.max(0, t - config.slidingWindow + 1);
      return queryHeads.flatMap((query, head) => {
        const group = Math.floor(head / (heads / keyValueHeads));
        const scores = k.slice(oldest, t + 1).map((key) => inner(query, key[group]!) / Math.sqrt(headSize));
        const largest = Math.max(...scores);
        const shares = scores.map((score) => Math.exp(score - largest));
        const sum = shares.reduce((a, b) => a + b);
        return Array.from({ length: headSize }, (_, i) =>
          shares.reduce((total, share, j) => total + (share / sum) * v[oldest + j]![group * headSize + i]!, 0),
        );
      });
    });
    x = addRows(x, await project(attended, layer, 'self_attn.o_proj'));
    const m = await norm(x, `model.layers.${layer}.post_attention_layernorm.weight`);
    const [gate, up] = [await project(m, layer, 'mlp.gate_proj'), await project(m, layer, 'mlp.up_proj')];
    const activated = gate.map((row, t) => row.map((g, i) => (g / (1 + Math.exp(-g))) * up[t]![i]!));
    x = addRows(x, await project(activated, layer, 'mlp.down_proj'));
  }
  const head = rows(config.tiedEmbeddings ? embedding : await weights.read(LM_HEAD), hiddenSize);
  return (await norm(x, 'model.norm.weight')).map((row) => head.map((w) => inner(w, row)));
}

const inner = (a: readonly number[], b: readonly number[]): number => a.reduce((sum, x, i) => sum + x * b[i]!, 0);
const addRows = (a: Matrix, b: Matrix): Matrix => a.map((row, t) => row.map((x, i) => x + b[t]![i]!));

function rotate(head: readonly number[], position: number, config: DecoderConfig): number[] {
  const half = head.length / 2;
  return head.map((x, i) => {
    const pair = i % half;
    const angle = position * scaledFrequency(config.ropeTheta ** (-pair / half), config);
    return i < half
      ? x * Math.cos(angle) - head[i + half]! * Math.sin(angle)
      : x * Math.cos(angle) + head[i - half]! * Math.sin(angle);
  });
}

function scaledFrequency(frequency: number, { ropeScaling }: DecoderConfig): number {
  if (!ropeScaling) return frequency;
  if (ropeScaling.type === 'linear') return frequency / ropeScaling.factor;
  const { factor, lowFrequencyFactor: low, highFrequencyFactor: high, originalMaxPositions } = ropeScaling;
  const wavelength = (2 * Math.PI) / frequency;
  if (wavelength > originalMaxPositions / low) return frequency / factor;
  if (wavelength < originalMaxPositions / high) return frequency;
  const smooth = (originalMaxPositions / wavelength - low) / (high - low);
  return ((1 - smooth) * frequency) / factor + smooth * frequency;
}
