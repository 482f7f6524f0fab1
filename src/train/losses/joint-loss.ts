import { dot, normalise } from '../../embedder/index.js';
import { InvalidInputError } from '../../errors.js';
import { distillation } from './distillation.js';
import { type InfoNceOptions, infoNce } from './info-nce.js';
import type { Vectors } from './similarity.js';

export interface JointLossSettings {
  /** Share of the contrastive part; the rest is behaviour cloning. Default 0.8, as in the paper's code. */
  readonly contrastiveWeight?: number;
  /** Default 0.02. */
  readonly temperature?: number;
  /** The committee's scores are learnt beside InfoNCE. Default: they are not. */
  readonly distillation?: DistillationSettings | undefined;
}

export interface DistillationSettings {
  /** Of the divergence from the committee, beside InfoNCE's 1. */
  readonly weight: number;
  /** The committee's scores are divided by it. */
  readonly teacherTemperature: number;
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

/** What the contrastive side compares a query's vectors with. */
export interface ContrastiveTargets extends Pick<InfoNceOptions, 'positives' | 'excluded'> {
  /** For each query, the committee's scores of some of the documents; `undefined` where it has none. Default: none has. */
  readonly committee?:
    | readonly ({ readonly candidates: readonly number[]; readonly scores: readonly number[] } | undefined)[]
    | undefined;
}

export interface JointLoss {
  readonly total: number;
  /** InfoNCE of the instant vectors. */
  readonly instant: number;
  /** InfoNCE of the thought vectors, mean over the queries that have one; 0 without any. */
  readonly thought: number;
  /** Divergence from the committee, mean of instant and thought vectors; 0 without any. */
  readonly distillation: number;
  /** Cross-entropy of the thoughts, mean over their tokens; 0 without any. */
  readonly generation: number;
}

/** Parts of the joint loss; `undefined` where a batch has none of a kind. */
export interface JointLossParts {
  readonly instant: number;
  readonly thought: number | undefined;
  /** Divergence from the committee of the instant and of the thought vectors; 0 without any. */
  readonly distillation: { readonly instant: number; readonly thought: number };
  readonly generation: number | undefined;
}

export interface ContrastiveParts extends Omit<JointLossParts, 'generation'> {
  /** Gradient of the whole loss with respect to the pooled states. */
  readonly gradients: PooledStates;
}

/**
 * The contrastive side of the joint loss, 0.8 * (NCE(v_q) + NCE(v_t)) / 2; without any thought 0.8 * NCE(v_q). With
 * distillation each NCE has the weighted divergence from the committee beside it.
 *
 * Query i is compared with the same documents with and without its thought.
 */
export function contrastiveParts(
  states: PooledStates,
  options: ContrastiveTargets & JointLossSettings,
): ContrastiveParts {
  const { contrastiveWeight = DEFAULT_CONTRASTIVE_WEIGHT } = options;
  if (states.thought.length !== states.instant.length) {
    throw new InvalidInputError(`${states.instant.length} queries have ${states.thought.length} thought states`);
  }
  const documents = states.documents.map(normalise);
  const thinking = states.thought.flatMap((state, query) => (state ? [{ state, query }] : []));
  const weight = thinking.length > 0 ? contrastiveWeight / 2 : contrastiveWeight;
  const all = states.instant.map((state, query) => ({ state, query }));
  const instant = compare(all, documents, weight, options);
  const thought = thinking.length > 0 ? compare(thinking, documents, weight, options) : undefined;
  const thoughtGradients: (Float32Array | undefined)[] = states.thought.map(() => undefined);
  thinking.forEach(({ query }, i) => {
    thoughtGradients[query] = thought!.states[i]!;
  });
  for (const [j, gradient] of thought?.documents.entries() ?? []) addScaled(instant.documents[j]!, gradient, 1);
  return {
    instant: instant.nce,
    thought: thought?.nce,
    distillation: { instant: instant.divergence, thought: thought?.divergence ?? 0 },
    gradients: {
      instant: instant.states,
      thought: thoughtGradients,
      documents: states.documents.map((state, j) => normaliseGradient(state, instant.documents[j]!)),
    },
  };
}

/** Losses of one kind of query vectors, and their weighted gradients: of the states, and of the normalised documents. */
function compare(
  queries: readonly { readonly state: Float32Array; readonly query: number }[],
  documents: Vectors,
  weight: number,
  options: ContrastiveTargets & JointLossSettings,
) {
  const { positives, excluded = () => false, committee = [], distillation: distilled } = options;
  const temperature = options.temperature === undefined ? {} : { temperature: options.temperature };
  const vectors = queries.map(({ state }) => normalise(state));
  const nce = infoNce(vectors, documents, {
    positives: queries.map(({ query }) => positives[query]!),
    excluded: (i, document) => excluded(queries[i]!.query, document),
    ...temperature,
  });
  const scaled = (gradient: Float32Array) => gradient.map((value) => value * weight);
  const gradients = { queries: nce.queries.map(scaled), documents: nce.documents.map(scaled) };
  const scored = distilled ? queries.flatMap(({ query }, i) => (committee[query] ? [{ query, i }] : [])) : [];
  let divergence = 0;
  if (distilled && scored.length > 0) {
    const kl = distillation(
      scored.map(({ i }) => vectors[i]!),
      documents,
      {
        candidates: scored.map(({ query }) => committee[query]!.candidates),
        scores: scored.map(({ query }) => committee[query]!.scores),
        teacherTemperature: distilled.teacherTemperature,
        ...temperature,
      },
    );
    divergence = kl.loss;
    const scale = weight * distilled.weight;
    for (const [k, { i }] of scored.entries()) addScaled(gradients.queries[i]!, kl.queries[k]!, scale);
    for (const [j, gradient] of kl.documents.entries()) addScaled(gradients.documents[j]!, gradient, scale);
  }
  return {
    nce: nce.loss,
    divergence,
    states: queries.map(({ state }, i) => normaliseGradient(state, gradients.queries[i]!)),
    documents: gradients.documents,
  };
}

/**
 * 0.8 * (NCE(v_q) + NCE(v_t)) / 2 + 0.2 * CE, with distillation NCE + weight * KL in NCE's place; a part that the batch does
 * not have counts for nothing.
 */
export function jointLoss(parts: JointLossParts, settings: JointLossSettings = {}): JointLoss {
  const { contrastiveWeight = DEFAULT_CONTRASTIVE_WEIGHT } = settings;
  const { instant, thought, distillation: kl, generation } = parts;
  const nce = thought === undefined ? instant : (instant + thought) / 2;
  const divergence = thought === undefined ? kl.instant : (kl.instant + kl.thought) / 2;
  const contrastive = nce + (settings.distillation?.weight ?? 0) * divergence;
  const total = contrastiveWeight * contrastive + (1 - contrastiveWeight) * (generation ?? 0);
  return { total, instant, thought: thought ?? 0, distillation: divergence, generation: generation ?? 0 };
}

function addScaled(target: Float32Array, values: Float32Array, scale: number): void {
  for (let k = 0; k < target.length; k++) target[k]! += scale * values[k]!;
}

/** The gradient of x from that of x / |x|: what would change the length alone is taken out. */
function normaliseGradient(x: Float32Array, gradient: Float32Array): Float32Array {
  const square = dot(x, x);
  const along = dot(x, gradient) / square;
  const length = Math.sqrt(square);
  return x.map((value, i) => (gradient[i]! - along * value) / length);
}
