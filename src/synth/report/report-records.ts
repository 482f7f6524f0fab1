import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { InvalidInputError } from '../../errors.js';
import { readLines } from '../../search/index.js';
import type { RefinedRecord } from '../committee/index.js';
import type { NegativesRecord } from '../negatives/index.js';

const scoresBy = <T extends z.ZodType>(value: T) => z.record(z.string(), value);

const refined: z.ZodType<RefinedRecord> = z.object({
  _id: z.string(),
  thoughts: z.array(z.string()).min(1),
  candidates: z.array(z.number()),
  votes: z.array(z.number()),
  scores: scoresBy(z.array(z.number())),
});

/** The part of a line of `negatives.jsonl` that is shown. */
export type MinedRecord = Pick<NegativesRecord, '_id' | 'negatives' | 'teacher'>;

const mined: z.ZodType<MinedRecord> = z.object({
  _id: z.string(),
  negatives: z.array(z.string()),
  teacher: z.object({ positive: z.number(), negatives: z.array(z.number()) }),
});

/** `refined.jsonl` of an output folder by query; empty where that stage has not run. */
export const readRefined = (folder: string) => readById(join(folder, 'refined.jsonl'), refined);

/** `negatives.jsonl`, in the same way. */
export const readMined = (folder: string) => readById(join(folder, 'negatives.jsonl'), mined);

async function readById<T extends { readonly _id: string }>(
  path: string,
  schema: z.ZodType<T>,
): Promise<Map<string, T>> {
  const records = new Map<string, T>();
  if (!existsSync(path)) return records;
  for await (const { text, where } of readLines(path)) {
    const parsed = schema.safeParse(jsonOf(text));
    if (!parsed.success) {
      const [issue] = parsed.error.issues;
      throw new InvalidInputError(`field "${issue!.path.join('.')}": ${issue!.message}.`, { where });
    }
    records.set(parsed.data._id, parsed.data);
  }
  return records;
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
