import { z } from 'zod';

export const share = z.number().min(0).max(1);

/** Thoughts that the model under training writes itself before a stage. */
const ownThoughts = z.strictObject({
  /** Share of the samples whose thought is the model's own; those are read, not cloned. */
  share,
  /** Thoughts written for each query; each epoch draws one of them. */
  perQuery: z.int().positive().default(1),
  temperature: z.number().nonnegative().default(0.6),
  topP: z.number().positive().max(1).default(1),
});

const stageSettings = z.strictObject({
  name: z.string().min(1),
  /** Names of the sets that this stage trains on. Default: all. */
  sets: z.array(z.string()).min(1).optional(),
  epochs: z.number().positive().default(1),
  /** Queries of a step. */
  batch: z.int().min(2).default(64),
  /** The highest learning rate: linear warm-up, then a cosine to zero at the end of the stage. */
  learningRate: z.number().positive().default(1e-4),
  /** Share of the stage's steps in which the rate rises. */
  warmUp: share.default(0.1),
  /** `none` trains the vectors of queries alone; an expert's thoughts are read and cloned. */
  thoughts: z.enum(['none', 'expert']).default('expert'),
  /** Mixes in thoughts that the model writes before the stage begins. Default: none. */
  ownThoughts: ownThoughts.optional(),
  /** Share of the samples that have no thought in a stage with thoughts. */
  queryOnlyShare: share.default(0.1),
  /** Hard negatives of each query, where the data has them. */
  hardNegatives: z.int().nonnegative().default(15),
  /** Title pairs of a step, beside its queries: only in steps of sets that have `titles`. */
  titles: z.int().nonnegative().default(0),
  /** "Read the corpus": a language-model loss on documents, beside the joint loss. */
  corpus: z
    .strictObject({
      /** Documents of a step. */
      documents: z.int().positive(),
      /** Weight of the loss, which is a mean over the documents' tokens. */
      weight: z.number().positive(),
    })
    .optional(),
});

/** One training within a run: its own schedule and moments, on the weights that the last one left. */
export const stage = stageSettings.refine(
  ({ thoughts, ownThoughts }) => thoughts !== 'none' || ownThoughts === undefined,
  {
    path: ['ownThoughts'],
    message: 'expected no own thoughts in a stage with "thoughts": "none"',
  },
);

/** Whether a list of set names, or none for all, has this one: what a stage trains on, or what is validated. */
export const takesPart = ({ sets }: { readonly sets?: readonly string[] | undefined }, name: string): boolean =>
  sets?.includes(name) ?? true;

export type OwnThoughtSettings = z.infer<typeof ownThoughts>;
