import type { Candidates } from '../candidates.js';
import type { RefinedRecord } from '../committee/index.js';
import { memberChoice } from '../committee/member-choice.js';
import { diversityOf } from '../explore/diversity.js';
import type { MinedRecord } from './report-records.js';

/** What the page's charts and tables show. */
export interface ReportFigures {
  /** Tokens of every candidate that has been counted. */
  readonly tokens: readonly number[];
  /** One value for each query with several candidates. */
  readonly diversity: readonly { readonly jaccardDistance: number; readonly distinct2: number }[];
  /** By candidate: how often it won. */
  readonly wins: readonly number[];
  /** By candidate: how often each member alone would choose it. */
  readonly choices: Readonly<Record<string, readonly number[]>>;
  /** Share of queries with two candidates or more for which two members choose alike, and how often a member chooses the winner (`vote`). */
  readonly agreement: readonly { readonly a: string; readonly b: string; readonly share: number }[];
  /** The vote of each winner, less that of the next. */
  readonly margins: readonly number[];
  /** The committee's score of each positive and of each negative. */
  readonly teacher: readonly { readonly kind: 'positive' | 'negative'; readonly score: number }[];
}

export function reportFigures(
  candidates: readonly Candidates[],
  refined: Iterable<RefinedRecord>,
  mined: Iterable<MinedRecord>,
): ReportFigures {
  const votes = [...refined];
  const most = Math.max(0, ...candidates.map(({ thoughts }) => thoughts.length));
  const tally = (places: readonly number[]) =>
    Array.from({ length: most }, (_, candidate) => places.filter((place) => place === candidate).length);
  const members = Object.keys(votes[0]?.scores ?? {});
  const chosen = new Map<string, number[]>([['vote', votes.map((record) => record.candidates[0]!)]]);
  for (const member of members)
    chosen.set(
      member,
      votes.map((record) => record.candidates[memberChoice(record, member)]!),
    );
  const hasChoice = votes.map(({ thoughts }) => thoughts.length > 1);
  const chosenAmongSeveral = (by: string) => chosen.get(by)!.filter((_, i) => hasChoice[i]);
  return {
    tokens: candidates.flatMap(({ tokens }) => tokens ?? []),
    diversity: candidates.map(({ thoughts }) => diversityOf(thoughts)).filter((one) => one !== undefined),
    wins: tally(chosen.get('vote')!),
    choices: Object.fromEntries(members.map((member) => [member, tally(chosen.get(member)!)])),
    agreement: pairs([...chosen.keys()]).map(([a, b]) => {
      const [one, other] = [chosenAmongSeveral(a), chosenAmongSeveral(b)];
      const alike = one.filter((choice, i) => choice === other[i]).length;
      return { a, b, share: one.length === 0 ? 0 : alike / one.length };
    }),
    margins: votes.filter((record) => record.votes.length > 1).map(({ votes }) => votes[0]! - votes[1]!),
    teacher: [...mined].flatMap(({ teacher }) => [
      { kind: 'positive' as const, score: teacher.positive },
      ...teacher.negatives.map((score) => ({ kind: 'negative' as const, score })),
    ]),
  };
}

const pairs = (names: readonly string[]): [string, string][] =>
  names.flatMap((a, i) => names.slice(i + 1).map((b): [string, string] => [a, b]));
