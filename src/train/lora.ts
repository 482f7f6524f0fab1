import { type DecoderConfig, LAYER_LINEARS, linearShape, uniform } from '../decoder/index.js';
import { InvalidInputError } from '../errors.js';
import { ParameterSet, type ParameterShape } from './parameters.js';

export interface LoraSettings {
  /** Default 32, as in the paper. */
  readonly rank?: number;
  /** Default 64. */
  readonly alpha?: number;
}

export const DEFAULT_RANK = 32;
export const DEFAULT_ALPHA = 64;

/** The trained token rows, by their name in a PEFT adapter. */
export const TOKEN_ROWS = 'base_model.model.model.embed_tokens.token_adapter.trainable_tokens_delta';

/** What is trained: one row for each borrowed token, and A and B of each of the seven linears of each layer. */
export function loraShapes(config: DecoderConfig, rank: number, tokenRows: number): ParameterShape[] {
  const shapes: ParameterShape[] = [{ name: TOKEN_ROWS, shape: [tokenRows, config.hiddenSize] }];
  for (let layer = 0; layer < config.layers; layer++) {
    for (const linear of LAYER_LINEARS) {
      const [outFeatures, inFeatures] = linearShape(config, linear);
      const path = `base_model.model.model.layers.${layer}.${linear}`;
      shapes.push({ name: `${path}.lora_A.weight`, shape: [rank, inFeatures] });
      shapes.push({ name: `${path}.lora_B.weight`, shape: [outFeatures, rank] });
    }
  }
  return shapes;
}

/** Noise on the token rows: without it the borrowed tokens would begin as one and the same. */
const ROW_NOISE = 0.02;

/**
 * Parameters before the first step. A as PEFT draws it (uniform in ±1/sqrt(inFeatures), Kaiming's with a = sqrt(5)) and B
 * zero, so that the model begins as the base model. Each token row is the mean of `rows` with a little noise: reserved
 * tokens were never trained and have no embedding worth keeping.
 *
 * `rows` are embeddings `[hidden]` of a few common tokens. The same seed gives the same parameters.
 */
export function initialParameters(
  shapes: readonly ParameterShape[],
  rows: readonly Float32Array[],
  seed: number,
): ParameterSet {
  if (rows.length === 0) throw new InvalidInputError('initial token rows need at least one embedding to start from');
  const parameters = new ParameterSet(shapes);
  shapes.forEach(({ name, shape }, key) => {
    const data = parameters.view(name);
    if (name === TOKEN_ROWS) {
      const mean = Float32Array.from(rows[0]!, (_, i) => rows.reduce((sum, row) => sum + row[i]!, 0) / rows.length);
      for (let i = 0; i < data.length; i++) data[i] = mean[i % mean.length]! + ROW_NOISE * normal(seed, key, i);
    } else if (name.endsWith('lora_A.weight')) {
      const bound = 1 / Math.sqrt(shape[1]!);
      for (let i = 0; i < data.length; i++) data[i] = bound * (2 * uniform(seed, key, i) - 1);
    }
  });
  return parameters;
}

/** A normally distributed number, the same for the same key (Box and Muller 1958). */
function normal(...key: readonly number[]): number {
  const radius = Math.sqrt(-2 * Math.log(1 - uniform(...key, 0)));
  return radius * Math.cos(2 * Math.PI * uniform(...key, 1));
}
