import { InvalidInputError } from '../errors.js';
import type { Qrels, Run, ScoredDocument } from './types.js';

/**
 * Judgements in TREC's text format: query id, iteration (ignored), document id, grade, separated by white space.
 *
 * @param where name of the file, for error messages.
 */
export function parseTrecQrels(text: string, where = 'qrels'): Qrels {
  const qrels = new Map<string, Map<string, number>>();
  for (const [[queryId, , documentId, grade], line] of fields(text, 4, where)) {
    const grades = qrels.get(queryId!) ?? new Map<string, number>();
    grades.set(documentId!, number(grade!, 'grade', `${where}:${line}`));
    qrels.set(queryId!, grades);
  }
  return qrels;
}

/**
 * A run in TREC's text format: query id, `Q0`, document id, rank (ignored), score, name of the system.
 *
 * @param where name of the file, for error messages.
 */
export function parseTrecRun(text: string, where = 'run'): Run {
  const run = new Map<string, ScoredDocument[]>();
  for (const [[queryId, , id, , score], line] of fields(text, 6, where)) {
    const documents = run.get(queryId!) ?? [];
    documents.push({ id: id!, score: number(score!, 'score', `${where}:${line}`) });
    run.set(queryId!, documents);
  }
  return run;
}

function* fields(text: string, expected: number, where: string): Generator<[string[], number]> {
  const lines = text.split(/\r?\n/);
  for (const [index, line] of lines.entries()) {
    if (line.trim() === '') continue;
    const values = line.trim().split(/\s+/);
    if (values.length < expected) {
      throw new InvalidInputError(`expected at least ${expected} fields, found ${values.length}.`, {
        where: `${where}:${index + 1}`,
      });
    }
    yield [values, index + 1];
  }
}

function number(value: string, field: string, where: string): number {
  const parsed = Number(value);
  if (Number.isNaN(parsed)) {
    throw new InvalidInputError(`${field} should be a number, found "${value}".`, { where });
  }
  return parsed;
}
