import { join } from 'node:path';
import { crashPoint } from '../../crash-point.js';
import { InvalidInputError } from '../../errors.js';
import type { RetrievalSet } from '../../search/index.js';
import { writeAtomically } from '../../write-atomically.js';
import type { Candidates } from '../candidates.js';
import { type Rejected, writeStage } from '../manifest.js';
import { type Agreement, agreementOf } from './agreement.js';
import { type AskMembersOptions, askMembers } from './ask-members.js';
import { positivesOf } from './positives.js';
import type { ScoredCase } from './score-candidates.js';
import { argMax, descending, hardVote, softVote } from './vote.js';

export interface RefineOptions extends AskMembersOptions {
  readonly set: RetrievalSet;
  /** In the order of `candidates.jsonl`. */
  readonly candidates: readonly Candidates[];
  /** `soft`: softmax of each member's scores, summed (the paper's). `hard`: one vote a member. Default soft. */
  readonly vote?: 'soft' | 'hard' | undefined;
}

/** A line of `refined.jsonl`; every list is in the order of `thoughts`. */
export interface RefinedRecord {
  readonly _id: string;
  /** The winner first, the others by vote. */
  readonly thoughts: readonly string[];
  /** The thought's place among the query's candidates. */
  readonly candidates: readonly number[];
  readonly votes: readonly number[];
  readonly scores: Readonly<Record<string, readonly number[]>>;
}

export interface RefineReport {
  readonly queries: number;
  readonly rejected: readonly Rejected[];
  /** How often the candidate at each place has won. */
  readonly wins: readonly number[];
  /** How often each member alone would have chosen it. */
  readonly choices: Readonly<Record<string, readonly number[]>>;
  readonly agreement: readonly Agreement[];
}

/**
 * The committee scores every candidate against the query's positives (a mean, where there are several), votes, and writes
 * `refined.jsonl` and the manifest's record. What was scored before, with the same member, is read from the journal.
 *
 * @throws InvalidInputError where no query has both a candidate and a positive.
 */
export async function refineCandidates(options: RefineOptions): Promise<RefineReport> {
  const { members, output, vote = 'soft' } = options;
  const { cases, rejected } = casesOf(options.set, options.candidates);
  if (cases.length === 0) {
    throw new InvalidInputError('no query has both candidate thoughts and a positive document.', {
      hint: 'Do the candidates belong to this data set and split?',
    });
  }
  const asked = await askMembers(cases, options);
  const byQuery = cases.map((_, i) =>
    Object.fromEntries(members.map(({ name }) => [name, asked.get(name)!.scores[i]!] as const)),
  );
  const records = cases.map((one, i) => refinedRecord(one, byQuery[i]!, vote));
  crashPoint('refine-before-write');
  const lines = records.map((record) => `${JSON.stringify(record)}\n`);
  await writeAtomically(join(output, 'refined.jsonl'), lines.join(''));
  const report = reportOf(records, byQuery, rejected);
  await writeStage(output, 'refine', {
    settings: { vote },
    members: members.map(({ name }) => ({ name, fingerprint: asked.get(name)!.fingerprint })),
    ...report,
  });
  return report;
}

function casesOf(set: RetrievalSet, candidates: readonly Candidates[]) {
  const positives = positivesOf(set);
  const cases: ScoredCase[] = [];
  const rejected: Rejected[] = [];
  for (const { id, thoughts } of candidates) {
    const texts = positives.get(id)?.map(({ text }) => text) ?? [];
    if (thoughts.length === 0) rejected.push({ id, reason: 'no candidate' });
    else if (texts.length === 0) rejected.push({ id, reason: 'no positive document in this set' });
    else cases.push({ id, thoughts, positives: texts });
  }
  return { cases, rejected };
}

function refinedRecord(
  { id, thoughts }: ScoredCase,
  scores: Readonly<Record<string, readonly number[]>>,
  vote: 'soft' | 'hard',
): RefinedRecord {
  const votes = (vote === 'soft' ? softVote : hardVote)(Object.values(scores));
  const order = descending(votes);
  const inOrder = <T>(list: readonly T[]) => order.map((place) => list[place]!);
  return {
    _id: id,
    thoughts: inOrder(thoughts),
    candidates: order,
    votes: inOrder(votes),
    scores: Object.fromEntries(Object.entries(scores).map(([member, row]) => [member, inOrder(row)])),
  };
}

function reportOf(
  records: readonly RefinedRecord[],
  scores: readonly Readonly<Record<string, readonly number[]>>[],
  rejected: readonly Rejected[],
): RefineReport {
  const most = Math.max(...records.map(({ thoughts }) => thoughts.length));
  const tally = (places: readonly number[]) =>
    Array.from({ length: most }, (_, candidate) => places.filter((place) => place === candidate).length);
  const names = Object.keys(scores[0]!);
  return {
    queries: records.length,
    rejected,
    wins: tally(records.map(({ candidates }) => candidates[0]!)),
    choices: Object.fromEntries(
      names.map((name) => [name, tally(scores.map((byMember) => argMax(byMember[name]!)))] as const),
    ),
    agreement: agreementOf(scores),
  };
}
