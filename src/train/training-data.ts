import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import type { Tokenizer } from '../decoder/index.js';
import { Sequences } from '../embedder/index.js';
import { InvalidInputError } from '../errors.js';
import type { Qrels } from '../metrics/index.js';
import { documentText, loadBeir, readLines } from '../search/index.js';
import type { Recipe } from './config.js';

/** One training query, as token ids. Documents are places in `TrainingData.documents`. */
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
  /** The expert's thoughts, without marks. */
  readonly thoughts: readonly (readonly number[])[];
}

export interface TrainingDocument {
  readonly id: string;
  readonly text: string;
  /** `<doc> d <emb>` */
  readonly tokens: readonly number[];
}

/** Queries with judgements to validate on. */
export interface ValidationData {
  readonly queries: readonly { readonly id: string; readonly text: string; readonly tokens: readonly number[] }[];
  readonly qrels: Qrels;
}

export interface TrainingData {
  readonly examples: readonly TrainingExample[];
  readonly documents: readonly TrainingDocument[];
  readonly validation: ValidationData | undefined;
  /** Thoughts that were cut to the length policy. */
  readonly cutThoughts: number;
  /** Over all token ids: data of equal fingerprints train alike. */
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
  const { folder, split } = recipe.data;
  const sequences = new Sequences(tokenizer, settings);
  const set = await loadBeir(folder, split);
  const documents = set.documents.map((record) => {
    const text = documentText(record);
    return { id: record.id, text, tokens: sequences.document(text).ids };
  });
  const places = new Map(documents.map(({ id }, place) => [id, place]));
  await checkQrels(folder, split, set.qrels, places);
  const thoughts = await readThoughts(recipe, tokenizer, settings);
  const negatives = recipe.data.negatives ? await readNegatives(recipe.data.negatives, places) : undefined;
  const examples = set.queries.map(({ id, text }): TrainingExample => {
    const grades = [...set.qrels.get(id)!].filter(([, grade]) => grade > 0);
    const [best] = [...grades].sort((a, b) => b[1] - a[1]);
    if (!best) {
      throw new InvalidInputError(`query "${id}" has no document of grade 1 or more`, {
        where: qrelsFile(folder, split),
      });
    }
    const own = thoughts?.byQuery.get(id);
    if (thoughts && !own) {
      throw new InvalidInputError(`has no thoughts for query "${id}" of the split "${split}"`, {
        where: recipe.data.thoughts!,
      });
    }
    const hard = negatives?.get(id);
    if (negatives && !hard) {
      throw new InvalidInputError(`has no negatives for query "${id}" of the split "${split}"`, {
        where: recipe.data.negatives!,
      });
    }
    return {
      id,
      text,
      tokens: withoutThoughtMark(sequences.query(text)),
      positive: places.get(best[0])!,
      relevant: new Set(grades.map(([document]) => places.get(document)!)),
      negatives: hard ?? [],
      thoughts: own ?? [],
    };
  });
  const validation = recipe.validation && (await loadValidation(recipe, sequences, places));
  const fingerprint = createHash('sha256').update(JSON.stringify([examples.map(plain), documents.map(plain)]));
  return {
    examples,
    documents,
    validation,
    cutThoughts: thoughts?.cut ?? 0,
    fingerprint: fingerprint.digest('hex'),
  };
}

const plain = ({ text: _, ...rest }: TrainingExample | TrainingDocument) =>
  'relevant' in rest ? { ...rest, relevant: [...rest.relevant] } : rest;

/** `<query> q <emb>`, of what is read before a thought is written. */
const withoutThoughtMark = ({ ids, embeddingAt }: { ids: readonly number[]; embeddingAt: number }) =>
  ids.slice(0, embeddingAt + 1);

async function loadValidation(
  recipe: Recipe,
  sequences: Sequences,
  places: ReadonlyMap<string, number>,
): Promise<ValidationData> {
  const { folder } = recipe.data;
  const { split } = recipe.validation!;
  const { queries, qrels } = await loadBeir(folder, split);
  await checkQrels(folder, split, qrels, places);
  return {
    queries: queries.map(({ id, text }) => ({ id, text, tokens: withoutThoughtMark(sequences.query(text)) })),
    qrels,
  };
}

function qrelsFile(folder: string, split: string): string {
  const path = join(folder, 'qrels', `${split}.tsv`);
  return existsSync(path) ? path : `${path}.gz`;
}

/** Every judged document must be there: a positive that is missing cannot be trained on. */
async function checkQrels(
  folder: string,
  split: string,
  qrels: Qrels,
  places: ReadonlyMap<string, number>,
): Promise<void> {
  for (const grades of qrels.values()) {
    for (const id of grades.keys()) {
      if (places.has(id)) continue;
      const file = qrelsFile(folder, split);
      // The line is looked for only now that something is wrong.
      for await (const { text, where } of readLines(file)) {
        if (text.split('\t')[1] === id) throw new InvalidInputError(`document "${id}" is not in the corpus`, { where });
      }
    }
  }
}

const id = z.union([z.string().min(1), z.number()]).transform(String);
const thoughtsLine = z.object({ _id: id, thoughts: z.array(z.string()).min(1, 'expected at least one thought') });
const negativesLine = z.object({ _id: id, negatives: z.array(id) });

/** The lines of a JSONL file by `_id`, checked; other fields, such as where a thought comes from, may be there. */
async function* readRecords<T extends { readonly _id: string }>(path: string, schema: z.ZodType<T>) {
  const lines = new Map<string, string>();
  for await (const { text, where } of readLines(path)) {
    let json: unknown;
    try {
      json = JSON.parse(text);
    } catch (cause) {
      throw new InvalidInputError(`expected a JSON object: ${(cause as Error).message}`, { where, cause });
    }
    const parsed = schema.safeParse(json);
    if (!parsed.success) {
      const [issue] = parsed.error.issues;
      throw new InvalidInputError(`field "${issue!.path.join('.')}": ${issue!.message}`, { where });
    }
    const earlier = lines.get(parsed.data._id);
    if (earlier) {
      throw new InvalidInputError(`field "_id": "${parsed.data._id}" stands already in ${earlier}`, { where });
    }
    lines.set(parsed.data._id, where);
    yield { record: parsed.data, where };
  }
}

async function readThoughts(recipe: Recipe, tokenizer: Tokenizer, { lengths }: SequenceSettings) {
  const { thoughts: path, candidates, longThoughts } = recipe.data;
  const stage = recipe.stages.findIndex(({ thoughts }) => thoughts === 'expert');
  if (stage < 0) return undefined;
  if (path === undefined) {
    throw new InvalidInputError('expected a file of thoughts: the recipe has a stage with thoughts', {
      where: 'data.thoughts',
      hint: `Name one, or set "thoughts": "none" in stage ${stage}.`,
    });
  }
  const byQuery = new Map<string, number[][]>();
  let cut = 0;
  for await (const { record, where } of readRecords(path, thoughtsLine)) {
    const texts = candidates === 'first' ? record.thoughts.slice(0, 1) : record.thoughts;
    const tokenised = texts.map((text, i) => {
      const field = `field "thoughts.${i}"`;
      if (text.trim() === '') throw new InvalidInputError(`${field}: the thought is empty`, { where });
      const ids = tokenizer.encode(text);
      if (ids.length > lengths.thought) {
        if (longThoughts === 'error') {
          const message = `${field}: the thought has ${ids.length} tokens, the length policy allows ${lengths.thought}`;
          throw new InvalidInputError(message, {
            where,
            hint: 'Raise lengths.thought, or set data.longThoughts to "cut".',
          });
        }
        cut++;
      }
      return ids.slice(0, lengths.thought);
    });
    byQuery.set(record._id, tokenised);
  }
  return { byQuery, cut };
}

async function readNegatives(path: string, places: ReadonlyMap<string, number>): Promise<Map<string, number[]>> {
  const byQuery = new Map<string, number[]>();
  for await (const { record, where } of readRecords(path, negativesLine)) {
    const documents = record.negatives.map((document, i) => {
      const place = places.get(document);
      if (place !== undefined) return place;
      throw new InvalidInputError(`field "negatives.${i}": document "${document}" is not in the corpus`, { where });
    });
    byQuery.set(record._id, documents);
  }
  return byQuery;
}
