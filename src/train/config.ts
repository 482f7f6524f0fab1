import { existsSync } from 'node:fs';
import { dirname, isAbsolute, relative, resolve } from 'node:path';
import { z } from 'zod';
import { parseJsonFile } from '../embedder/index.js';
import { NotFoundError } from '../errors.js';
import { DEFAULT_ALPHA, DEFAULT_RANK } from './lora.js';
import { share, stage } from './stage-config.js';

const tokenId = z.int().nonnegative();

/** Queries with their documents and thoughts: one of the tasks that are learnt together. */
const dataSet = z.strictObject({
  /** Tells the sets of a run apart, in figures and files. */
  name: z.string().regex(/^[\w.-]+$/, 'expected letters, digits, ".", "_" and "-" only'),
  /** Folder in BEIR's format. Paths are relative to the recipe. */
  folder: z.string().min(1),
  split: z.string().min(1).default('train'),
  /** JSONL: `_id` of the query, `thoughts`. Needed by stages with thoughts. */
  thoughts: z.string().min(1).optional(),
  /**
   * Which of a query's thoughts are used: the first, or one drawn in each epoch. Only the first, the committee's winner, is
   * cloned; the vectors learn from the losers too.
   */
  candidates: z.enum(['first', 'all']).default('first'),
  /** JSONL: `_id` of the query, `negatives`: ids of documents; `teacher` with the committee's scores for distillation. */
  negatives: z.string().min(1).optional(),
  /** A thought beyond the length policy is an error, or is cut (its end mark is kept). */
  longThoughts: z.enum(['error', 'cut']).default('error'),
  /** Makes title pairs: a document's title as the query, its text without the title as the document. */
  titles: z.boolean().default(false),
});

const wholeRecipe = z.strictObject({
  /** A sentence on what this recipe makes; stored with the adapter. */
  description: z.string().min(1),
  base: z.strictObject({
    /** A model that the project knows by name, a folder, a GGUF file or a Hub repository. */
    model: z.string().min(1),
    /** Reserved tokens of its vocabulary, borrowed for the sequence's marks, and the token that ends a thought. */
    tokens: z.strictObject({ query: tokenId, document: tokenId, thought: tokenId, embedding: tokenId, end: tokenId }),
    /**
     * Adapter to go on from: a folder, or the name of one that comes with the package. It must have the same base model, tokens, rank
     * and alpha. Default: none, the base model as it is.
     */
    adapter: z.string().min(1).optional(),
  }),
  /** Each step is of one set, so that in-batch negatives are of one task; the sets' steps come in a mixed order. */
  data: z
    .array(dataSet)
    .min(1)
    .refine(
      (sets) => new Set(sets.map(({ name }) => name)).size === sets.length,
      'expected a name of its own for each',
    ),
  /** At most this many tokens of each text, here and at run time. */
  lengths: z
    .strictObject({
      query: z.int().positive().default(32),
      thought: z.int().positive().default(224),
      document: z.int().positive().default(192),
    })
    .prefault({}),
  lora: z
    .strictObject({
      rank: z.int().positive().default(DEFAULT_RANK),
      alpha: z.number().positive().default(DEFAULT_ALPHA),
      /**
       * Share of A's input features that a step leaves out, the same ones for all its tokens. The paper's code has 0.1, drawn for
       * each token.
       */
      dropout: z.number().nonnegative().lt(1).default(0),
    })
    .prefault({}),
  loss: z
    .strictObject({
      /** Share of the contrastive part; the rest is behaviour cloning. */
      contrastiveWeight: share.default(0.8),
      temperature: z.number().positive().default(0.02),
      /** Learns the committee's scores of a query's positive and hard negatives too. Every set needs them. Default: none. */
      distillation: z
        .strictObject({
          /** Of the divergence, beside InfoNCE's 1. */
          weight: z.number().positive(),
          /** The committee's scores are divided by it: cosines, as the model's own, so that its temperature suits. */
          teacherTemperature: z.number().positive().default(0.02),
        })
        .optional(),
    })
    .prefault({}),
  optimiser: z
    .strictObject({
      weightDecay: z.number().nonnegative().default(0),
      /** The gradient is scaled down to this norm. */
      clip: z.number().positive().default(1),
      /** A gradient beyond this norm stops the run. */
      explodingNorm: z.number().positive().default(1000),
    })
    .prefault({}),
  seed: z.int().nonnegative().default(1),
  /** Places that go through the decoder at once: bounds the memory, not the batch. */
  maxTokens: z.int().positive().default(2048),
  /** Steps between two checkpoints; there is one at each end of a stage and at Ctrl-C too. */
  checkpointEvery: z.int().positive().default(10),
  validation: z
    .strictObject({
      split: z.string().min(1).default('dev'),
      /** Names of the sets that have this split. Default: all. */
      sets: z.array(z.string()).min(1).optional(),
      /** Steps between two validations; there is one at each end of a stage too. */
      every: z.int().positive().optional(),
      /** Rank among this many documents of each set, the relevant ones included. Default: the whole corpus. */
      documents: z.int().positive().optional(),
      /** Which weights become the adapter: the last stage's best by nDCG@10 of the instant vectors (mean over sets), or the last. */
      keep: z.enum(['best', 'last']).default('best'),
      /** Ways to think that are tried at the end; the best becomes the adapter's default if it beats not thinking. */
      thinking: z
        .array(
          z.strictObject({
            thoughts: z.int().positive(),
            temperature: z.number().nonnegative(),
            /** Shorter thoughts than the length policy allows. */
            maxTokens: z.int().positive().optional(),
          }),
        )
        .default([]),
    })
    .optional(),
  stages: z.array(stage).min(1),
});

const areNames = (data: readonly { readonly name: string }[], names: readonly string[] = []) =>
  names.every((name) => data.some((set) => set.name === name));

/** A training run. Defaults are the paper's (Yan et al. 2025, and its code). Unknown keys are errors. */
export const recipeSchema = wholeRecipe
  .refine(({ data, validation }) => areNames(data, validation?.sets), {
    path: ['validation', 'sets'],
    message: 'expected names of sets in "data"',
  })
  .refine(({ data, stages }) => stages.every(({ sets }) => areNames(data, sets)), {
    path: ['stages'],
    message: 'expected names of sets in "data" as the "sets" of a stage',
  })
  // The ways are tried when hours of training are over: too late to find one that cannot be.
  .refine(
    ({ lengths, validation }) =>
      validation?.thinking.every(({ maxTokens = 1 }) => maxTokens <= lengths.thought) ?? true,
    { path: ['validation', 'thinking'], message: 'expected no "maxTokens" beyond lengths.thought' },
  );

export type Recipe = z.infer<typeof recipeSchema>;
export type DataSet = Recipe['data'][number];
export type Stage = Recipe['stages'][number];

/**
 * Reads a recipe. Its paths become absolute.
 *
 * @throws NotFoundError, CorruptFileError with file and key.
 */
export async function readRecipe(path: string): Promise<Recipe> {
  if (!existsSync(path)) throw new NotFoundError('there is no such recipe', { where: path });
  const recipe = await parseJsonFile(path, recipeSchema);
  const { adapter } = recipe.base;
  // What has a separator is a path, there or not; else it is a name, unless an adapter lies beside the recipe.
  const folder =
    adapter !== undefined && (/[/\\]/.test(adapter) || existsSync(resolve(dirname(path), adapter, 'o1.json')));
  return withPaths(recipe, (file) => (file === adapter && !folder ? file : resolve(dirname(path), file)));
}

/** A recipe as text, to be put into a folder: its paths are relative to the folder. */
export function recipeText(recipe: Recipe, folder: string): string {
  return `${JSON.stringify(
    withPaths(recipe, (file) => (isAbsolute(file) ? relative(folder, file) : file)),
    undefined,
    2,
  )}\n`;
}

function withPaths(recipe: Recipe, change: (path: string) => string): Recipe {
  const data = recipe.data.map(({ folder, thoughts, negatives, ...rest }) => ({
    ...rest,
    folder: change(folder),
    ...(thoughts === undefined ? {} : { thoughts: change(thoughts) }),
    ...(negatives === undefined ? {} : { negatives: change(negatives) }),
  }));
  const { adapter, ...base } = recipe.base;
  return { ...recipe, base: { ...base, ...(adapter === undefined ? {} : { adapter: change(adapter) }) }, data };
}
