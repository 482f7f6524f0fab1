import { dot, normalise } from '../../embedder/index.js';
import { InvalidInputError } from '../../errors.js';
import { type InfoNceOptions, infoNce } from './info-nce.js';
import type { Vectors } from './similarity.js';

export interface JointLossSettings {
  /** Share of the contrastive part; the rest is behaviour cloning. Default 0.8, as in the paper's code. */
  readonly contrastiveWeight?: number;
  /** Default 0.02. */
  readonly temperature?: number;
}

export const DEFAULT_CONTRASTIVE_WEIGHT = 0.8;

/** Hidden states at the pooled places, `[hidden]` each, not normalised. */
export interface PooledStates {
  /** At the first `<emb>` of each query. */
  readonly instant: Vectors;
  /** At the last `<emb>` of each query; `undefined` where the query has no thought in this batch. */
  readonly thought: readonly (Float32Array | undefined)[];
  readonly documents: Vectors;
}

export interface JointLoss {
  readonly total: number;
  /** InfoNCE of the instant vectors. */
  readonly instant: number;
  /** InfoNCE of the thought vectors, mean over the queries that have one; 0 without any. */
  readonly thought: number;
  /** Cross-entropy of the thoughts, mean over their tokens; 0 without any. */
  readonly generation: number;
}

export interface ContrastiveParts {
  readonly instant: number;
  /** `undefined` without any thought. */
  readonly thought: number | undefined;
  /** Gradient of the whole loss with respect to the pooled states. */
  readonly gradients: PooledStates;
}

/**
 * The contrastive side of the joint loss, 0.8 * (NCE(v_q) + NCE(v_t)) / 2; without any thought 0.8 * NCE(v_q).
 *
 * `positives` and `excluded` are as in `infoNce`; query i has the same ones with and without its thought.
 */
export function contrastiveParts(states: PooledStates, options: InfoNceOptions & JointLossSettings): ContrastiveParts {
  const { positives, excluded = () => false, contrastiveWeight = DEFAULT_CONTRASTIVE_WEIGHT } = options;
  const temperature = options.temperature === undefined ? {} : { temperature: options.temperature };
  if (states.thought.length !== states.instant.length) {
    throw new InvalidInputError(`${states.instant.length} queries have ${states.thought.length} thought states`);
  }
  const documents = states.documents.map(normalise);
  const thinking = states.thought.flatMap((state, query) => (state ? [{ state, query }] : []));
  const weight = thinking.length > 0 ? contrastiveWeight / 2 : contrastiveWeight;
  const scaled = (gradient: Float32Array) => gradient.map((value) => value * weight);

  const instant = infoNce(states.instant.map(normalise), documents, { positives, excluded, ...temperature });
  const documentGradients = instant.documents.map(scaled);
  const thoughtGradients: (Float32Array | undefined)[] = states.thought.map(() => undefined);
  let thoughtLoss: number | undefined;
  if (thinking.length > 0) {
    const thought = infoNce(
      thinking.map(({ state }) => normalise(state)),
      documents,
      {
        positives: thinking.map(({ query }) => positives[query]!),
        excluded: (i, document) => excluded(thinking[i]!.query, document),
        ...temperature,
      },
    );
    thoughtLoss = thought.loss;
    thinking.forEach(({ state, query }, i) => {
      thoughtGradients[query] = normaliseGradient(state, scaled(thought.queries[i]!));
    });
    thought.documents.forEach((gradient, j) => {
      const sum = documentGradients[j]!;
      for (let k = 0; k < sum.length; k++) sum[k]! += weight * gradient[k]!;
    });
  }
  return {
    instant: instant.loss,
    thought: thoughtLoss,
    gradients: {
      instant: states.instant.map((state, i) => normaliseGradient(state, scaled(instant.queries[i]!))),
      thought: thoughtGradients,
      documents: states.documents.map((state, j) => normaliseGradient(state, documentGradients[j]!)),
    },
  };
}

/** 0.8 * (NCE(v_q) + NCE(v_t)) / 2 + 0.2 * CE; a part that the batch does not have counts for nothing. */
export function jointLoss(
  parts: { readonly instant: number; readonly thought: number | undefined; readonly generation: number | undefined },
  settings: JointLossSettings = {},
): JointLoss {
  const { contrastiveWeight = DEFAULT_CONTRASTIVE_WEIGHT } = settings;
  const { instant, thought, generation } = parts;
  const contrastive = thought === undefined ? instant : (instant + thought) / 2;
  const total = contrastiveWeight * contrastive + (1 - contrastiveWeight) * (generation ?? 0);
  return { total, instant, thought: thought ?? 0, generation: generation ?? 0 };
}

/** The gradient of x from that of x / |x|: what would change the length alone is taken out. */
function normaliseGradient(x: Float32Array, gradient: Float32Array): Float32Array {
  const square = dot(x, x);
  const along = dot(x, gradient) / square;
  const length = Math.sqrt(square);
  return x.map((value, i) => (gradient[i]! - along * value) / length);
}
