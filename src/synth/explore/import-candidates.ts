import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { MismatchError } from '../../errors.js';
import type { RetrievalSet, TokenCounter } from '../../search/index.js';
import { readCandidates } from '../candidates.js';
import { type CandidatesReport, finishCandidates, siftThoughts } from './sift-thoughts.js';

export interface ImportOptions {
  /** `{"_id", "thoughts": [...]}`, one a line, plain or with `.gz`. */
  readonly file: string;
  readonly set: RetrievalSet;
  /** Only the first so many queries. Default: all. */
  readonly limit?: number | undefined;
  readonly output: string;
  /** Longest thought, in tokens of the embedder. Default 96. */
  readonly maxTokens?: number | undefined;
  readonly countTokens: TokenCounter;
}

/**
 * Takes thoughts that were written elsewhere as the candidates of a set's queries, with the same rules for length and repetition.
 * Queries without thoughts stand among the rejected; thoughts for queries that the set does not have are left out.
 *
 * @throws MismatchError when the file has thoughts for none of the queries.
 */
export async function importCandidates(options: ImportOptions): Promise<CandidatesReport> {
  const { file, set, limit, output, maxTokens = 96, countTokens } = options;
  const given = new Map((await readCandidates(file)).map((candidates) => [candidates.id, candidates]));
  const queries = set.queries.slice(0, limit);
  if (!queries.some(({ id }) => given.has(id))) {
    throw new MismatchError(`none of the ${queries.length} queries has thoughts in this file.`, {
      where: file,
      hint: 'Is it the file for this data set and split?',
    });
  }
  const sifted = queries.map((query) => {
    const thoughts = given.get(query.id)?.thoughts;
    const raw = thoughts ? thoughts.map((text) => ({ text })) : [{ failed: 'not in the imported file' }];
    return siftThoughts(query, raw, maxTokens, countTokens);
  });
  const sha256 = createHash('sha256')
    .update(await readFile(file))
    .digest('hex');
  const imported = { file: basename(file), sha256 };
  return finishCandidates(output, sifted, {
    model: `imported:${basename(file)}`,
    record: { settings: { maxTokens }, limit: limit ?? null, imported },
  });
}
