import { InvalidInputError } from '../errors.js';
import { rankedIds } from './ranking.js';
import type { Qrels, Run, ScoredDocument } from './types.js';

/**
 * Judgements in TREC's text format: query id, iteration (ignored), document id, grade, separated by white space. Lines that
 * start with `#` are comments, as in trec_eval 10.
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
 * A run in TREC's text format: query id, `Q0`, document id, rank (ignored), score, name of the system. Lines that start with
 * `#` are comments.
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

/**
 * A run as text that {@link parseTrecRun} and trec_eval read: documents in their order of ranking, ranks from 1, scores in full.
 *
 * @param system name of the system, the last column; without white space.
 */
export function formatTrecRun(run: Run, system: string): string {
  checkField('name of the system', system);
  const lines: string[] = [];
  for (const [queryId, documents] of run) {
    checkField('query id', queryId);
    const scores = new Map(documents.map(({ id, score }) => [id, score]));
    for (const [i, id] of rankedIds(documents).entries()) {
      checkField('document id', id);
      lines.push(`${queryId} Q0 ${id} ${i + 1} ${scores.get(id)} ${system}\n`);
    }
  }
  return lines.join('');
}

function checkField(what: string, value: string): void {
  if (/^\S+$/.test(value) && !value.startsWith('#')) return;
  throw new InvalidInputError(
    `a TREC run cannot hold the ${what} ${JSON.stringify(value)}: expected text without white space that does not start with #.`,
  );
}

function* fields(text: string, expected: number, where: string): Generator<[string[], number]> {
  const lines = text.split(/\r?\n/);
  for (const [index, line] of lines.entries()) {
    if (line.trim() === '' || line.startsWith('#')) continue;
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
