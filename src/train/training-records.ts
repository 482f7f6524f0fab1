import { z } from 'zod';
import type { Tokenizer } from '../decoder/index.js';
import { InvalidInputError } from '../errors.js';
import { readLines } from '../search/index.js';
import type { DataSet } from './config.js';
import type { SequenceSettings, TrainingExample } from './training-data.js';

const id = z.union([z.string().min(1), z.number()]).transform(String);
const thoughtsLine = z.object({ _id: id, thoughts: z.array(z.string()).min(1, 'expected at least one thought') });
const teacher = z.object({ positive: z.number(), negatives: z.array(z.number()) });
const negativesLine = z.object({ _id: id, negatives: z.array(id), teacher: teacher.optional() });
const scoredLine = negativesLine.required();

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

/**
 * A set's thoughts by query id, as token ids within the length policy. `needed` says which set and stage want them, and for which
 * queries: those of other queries, such as a development split's, are checked, but not counted as cut.
 */
export async function readThoughts(
  { thoughts: path, candidates, longThoughts }: DataSet,
  needed: { readonly index: number; readonly stage: number; readonly queries: ReadonlySet<string> },
  tokenizer: Tokenizer,
  { lengths }: SequenceSettings,
): Promise<{ readonly byQuery: ReadonlyMap<string, readonly (readonly number[])[]>; readonly cut: number }> {
  if (path === undefined) {
    throw new InvalidInputError('expected a file of thoughts: the recipe has a stage with thoughts', {
      where: `data.${needed.index}.thoughts`,
      hint: `Name one, or set "thoughts": "none" in stage ${needed.stage}.`,
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
            hint: 'Raise lengths.thought, or set longThoughts of the set to "cut".',
          });
        }
        if (needed.queries.has(record._id)) cut++;
      }
      return ids.slice(0, lengths.thought);
    });
    byQuery.set(record._id, tokenised);
  }
  return { byQuery, cut };
}

type HardNegatives = Pick<TrainingExample, 'negatives' | 'teacher'>;

/** Hard negatives by query id, as places of documents; with the committee's scores where they are asked for. */
export async function readNegatives(
  path: string,
  places: ReadonlyMap<string, number>,
  scored: boolean,
): Promise<ReadonlyMap<string, HardNegatives>> {
  const byQuery = new Map<string, HardNegatives>();
  for await (const { record, where } of readRecords(path, scored ? scoredLine : negativesLine)) {
    const negatives = record.negatives.map((document, i) => {
      const place = places.get(document);
      if (place !== undefined) return place;
      throw new InvalidInputError(`field "negatives.${i}": document "${document}" is not in the corpus`, { where });
    });
    const given = record.teacher?.negatives.length ?? negatives.length;
    if (given !== negatives.length) {
      const message = `field "teacher.negatives": expected ${negatives.length} scores, one for each negative, got ${given}`;
      throw new InvalidInputError(message, { where });
    }
    byQuery.set(record._id, { negatives, teacher: scored ? record.teacher : undefined });
  }
  return byQuery;
}
