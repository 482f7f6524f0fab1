import type { DecoderConfig, RopeScaling } from './config.js';

/**
 * Tables of the rotary position embedding, each `[positions, headSize / 2]`.
 *
 * Frequencies as in Su et al. 2021 (RoFormer); Llama 3's scaling as published with Llama 3.1.
 */
export function rotaryTables(
  config: DecoderConfig,
  positions: number,
): { readonly cosine: Float32Array; readonly sine: Float32Array } {
  const half = config.headSize / 2;
  const cosine = new Float32Array(positions * half);
  const sine = new Float32Array(positions * half);
  for (let i = 0; i < half; i++) {
    // PyTorch computes the angles in fp32; rounding at the same places keeps long positions equal to it.
    const frequency = Math.fround(scaled(1 / config.ropeTheta ** ((2 * i) / config.headSize), config.ropeScaling));
    for (let position = 0; position < positions; position++) {
      const angle = Math.fround(position * frequency);
      cosine[position * half + i] = Math.cos(angle);
      sine[position * half + i] = Math.sin(angle);
    }
  }
  return { cosine, sine };
}

function scaled(frequency: number, scaling: RopeScaling | undefined): number {
  if (!scaling) return frequency;
  if (scaling.type === 'linear') return frequency / scaling.factor;
  const { factor, lowFrequencyFactor, highFrequencyFactor, originalMaxPositions } = scaling;
  const turns = (originalMaxPositions * frequency) / (2 * Math.PI);
  if (turns < lowFrequencyFactor) return frequency / factor;
  if (turns > highFrequencyFactor) return frequency;
  const smooth = (turns - lowFrequencyFactor) / (highFrequencyFactor - lowFrequencyFactor);
  return (1 - smooth) * (frequency / factor) + smooth * frequency;
}
