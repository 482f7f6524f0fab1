import { join } from 'node:path';
import { InvalidInputError } from '../errors.js';
import { readLines } from '../search/index.js';
import { writeAtomically } from '../write-atomically.js';

/** The candidate thoughts of one query: a line of `candidates.jsonl`, and of thoughts that were written elsewhere. */
export interface Candidates {
  /** Query id. */
  readonly id: string;
  readonly thoughts: readonly string[];
  /** Length of each, in tokens of the embedder. */
  readonly tokens?: readonly number[];
  /** Who wrote them. */
  readonly model?: string;
}

export const candidatesPath = (folder: string): string => join(folder, 'candidates.jsonl');

/** Writes `candidates.jsonl` into an output folder. */
export async function writeCandidates(folder: string, candidates: readonly Candidates[]): Promise<void> {
  const lines = candidates.map(({ id, ...rest }) => `${JSON.stringify({ _id: id, ...rest })}\n`);
  await writeAtomically(candidatesPath(folder), lines.join(''));
}

/**
 * Reads `{"_id", "thoughts": [...]}`, one a line, plain or with `.gz`.
 *
 * @throws InvalidInputError with file, line and field.
 */
export async function readCandidates(path: string): Promise<Candidates[]> {
  const list: Candidates[] = [];
  const seen = new Map<string, string>();
  for await (const { text, where } of readLines(path)) {
    const record = parse(text, where);
    const earlier = seen.get(record.id);
    if (earlier !== undefined) {
      throw new InvalidInputError(`field "_id": "${record.id}" stands already in ${earlier}.`, { where });
    }
    seen.set(record.id, where);
    list.push(record);
  }
  return list;
}

function parse(line: string, where: string): Candidates {
  let value: { _id?: unknown; thoughts?: unknown; tokens?: readonly number[]; model?: string } | null;
  try {
    value = JSON.parse(line);
  } catch (cause) {
    throw new InvalidInputError(`expected a JSON object: ${(cause as Error).message}.`, { where, cause });
  }
  const { _id: id, thoughts, tokens, model } = value ?? {};
  if (typeof id !== 'string' && typeof id !== 'number') {
    throw new InvalidInputError(`field "_id": expected a query id, found ${JSON.stringify(id)}.`, { where });
  }
  if (!Array.isArray(thoughts) || !thoughts.every((thought) => typeof thought === 'string')) {
    throw new InvalidInputError('field "thoughts": expected a list of texts.', { where });
  }
  return { id: String(id), thoughts, ...(tokens ? { tokens } : {}), ...(model ? { model } : {}) };
}
