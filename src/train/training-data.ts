import { createHash } from 'node:crypto';
import type { Tokenizer } from '../decoder/index.js';
import type { Sequences } from '../embedder/index.js';
import type { Qrels } from '../metrics/index.js';
import type { Recipe, Stage } from './config.js';
import { takesPart } from './stage-config.js';
import { loadTrainingSet } from './training-set.js';

/** One training query, as token ids. Documents are places in its set's `documents`. */
export interface TrainingExample {
  readonly id: string;
  readonly text: string;
  /** `<query> q <emb>` */
  readonly tokens: readonly number[];
  /** The document of the highest grade. */
  readonly positive: number;
  /** All documents that answer the query. */
  readonly relevant: ReadonlySet<number>;
  readonly negatives: readonly number[];
  /** The committee's scores of the positive and of each negative, where the recipe distils them. */
  readonly teacher: TeacherScores | undefined;
  /** The expert's thoughts, without marks. */
  readonly thoughts: readonly (readonly number[])[];
}

export interface TeacherScores {
  readonly positive: number;
  readonly negatives: readonly number[];
}

export interface TrainingDocument {
  readonly id: string;
  readonly text: string;
  /** `<doc> d <emb>` */
  readonly tokens: readonly number[];
}

/** A document's title as a query for the rest of it. */
export interface TitlePair {
  /** Place of the whole document. */
  readonly document: number;
  /** `<query> title <emb>` */
  readonly title: readonly number[];
  /** `<doc> text <emb>` */
  readonly text: readonly number[];
}

/** Queries with judgements to validate on. */
export interface ValidationData {
  readonly queries: readonly { readonly id: string; readonly text: string; readonly tokens: readonly number[] }[];
  readonly qrels: Qrels;
}

/** One of the recipe's data sets. Ids are its own: another set may have the same ones. */
export interface TrainingSet {
  readonly name: string;
  readonly examples: readonly TrainingExample[];
  readonly documents: readonly TrainingDocument[];
  /** Empty unless the recipe asks for them. */
  readonly titles: readonly TitlePair[];
  readonly validation: ValidationData | undefined;
  /** Thoughts that were cut to the length policy. */
  readonly cutThoughts: number;
}

export interface TrainingData {
  readonly sets: readonly TrainingSet[];
  /** Over all token ids and judgements: data of equal fingerprints train and validate alike. */
  readonly fingerprint: string;
}

/** The settings of the token sequence, as `o1.json` has them. */
export type SequenceSettings = ConstructorParameters<typeof Sequences>[1];

/**
 * Reads, checks and tokenises all that a recipe trains on.
 *
 * @throws InvalidInputError with file, line and field for the first thing that is wrong: a missing field, a positive or
 * negative that is not in the corpus, an empty thought, one beyond the length policy, a query without thoughts.
 */
export async function loadTrainingData(
  recipe: Recipe,
  tokenizer: Tokenizer,
  settings: SequenceSettings,
): Promise<TrainingData> {
  const sets: TrainingSet[] = [];
  for (const index of recipe.data.keys()) sets.push(await loadTrainingSet(recipe, index, tokenizer, settings));
  return { sets, fingerprint: createHash('sha256').update(JSON.stringify(sets, plain)).digest('hex') };
}

/** All queries that a stage trains on, set after set; without a stage, all there are. */
export function allExamples({ sets }: TrainingData, stage: Pick<Stage, 'sets'> = {}): TrainingExample[] {
  return sets.filter(({ name }) => takesPart(stage, name)).flatMap(({ examples }) => examples);
}

/** Texts are in their tokens; JSON has neither sets nor maps. */
function plain(key: string, value: unknown): unknown {
  if (key === 'text' && typeof value === 'string') return undefined;
  return value instanceof Set || value instanceof Map ? [...value] : value;
}
