export interface AdamWSettings {
  /** Default 0.9. */
  readonly beta1?: number;
  /** Default 0.999. */
  readonly beta2?: number;
  /** Default 1e-8. */
  readonly epsilon?: number;
  /** Decoupled from the gradient. Default 0. */
  readonly weightDecay?: number;
}

/** What AdamW remembers between steps; a checkpoint holds all of it. */
export interface AdamWState {
  /** Steps taken. */
  step: number;
  readonly firstMoment: Float32Array;
  readonly secondMoment: Float32Array;
}

export function adamWState(size: number): AdamWState {
  return { step: 0, firstMoment: new Float32Array(size), secondMoment: new Float32Array(size) };
}

/**
 * One step of AdamW (Loshchilov and Hutter 2019), in place, as PyTorch computes it: each number by itself, in order, moments
 * rounded to fp32.
 */
export function adamWStep(
  parameters: Float32Array,
  gradient: Float32Array,
  state: AdamWState,
  learningRate: number,
  settings: AdamWSettings = {},
): void {
  const { beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8, weightDecay = 0 } = settings;
  const { firstMoment: m, secondMoment: v } = state;
  state.step++;
  const stepSize = learningRate / (1 - beta1 ** state.step);
  const secondCorrection = Math.sqrt(1 - beta2 ** state.step);
  const keep = 1 - learningRate * weightDecay;
  for (let i = 0; i < parameters.length; i++) {
    const g = gradient[i]!;
    m[i] = beta1 * m[i]! + (1 - beta1) * g;
    v[i] = beta2 * v[i]! + (1 - beta2) * g * g;
    parameters[i] = keep * parameters[i]! - (stepSize * m[i]!) / (Math.sqrt(v[i]!) / secondCorrection + epsilon);
  }
}
