import { InvalidInputError } from '../../errors.js';
import { ndcg } from '../../metrics/index.js';
import type { RetrievalSet } from '../../search/index.js';
import { bestPositions, corpusScorer } from './corpus-scores.js';
import { mean } from './mean.js';
import type { CommitteeMember, CommitteeProgress } from './member.js';
import { memberChoice } from './member-choice.js';
import type { RefinedRecord } from './refine-candidates.js';

export interface JudgeOptions {
  readonly set: RetrievalSet;
  readonly refined: readonly RefinedRecord[];
  /** The judge: it should have trained on this set as little as it sits in the committee. */
  readonly judge: CommitteeMember;
  /** Output folder: the vectors are kept there. */
  readonly output: string;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: CommitteeProgress) => void) | undefined;
}

/** Mean nDCG@10 over the queries that have a choice: two candidates or more. */
export interface Judgement {
  readonly queries: number;
  /** The query alone. */
  readonly query: number;
  /** With the committee's winner. */
  readonly winner: number;
  /** With a random candidate: the mean over all, which is what drawing comes to. */
  readonly random: number;
  /** With the candidate that has the fewest votes. */
  readonly worst: number;
  /** With the candidate that is best for this query, which nobody can know beforehand. */
  readonly best: number;
  /** With the choice of one member alone. */
  readonly members: Readonly<Record<string, number>>;
}

/**
 * Does the committee choose well? Documents are ranked for `query, line break, candidate` by a judge that is not of the committee,
 * for every candidate; what each way of choosing would have got is compared.
 */
export async function judgeChoice(options: JudgeOptions): Promise<Judgement> {
  const { set, judge, output, signal, onProgress } = options;
  const queries = new Map(set.queries.map(({ id, text }) => [id, text]));
  const judged = options.refined.filter(({ _id, thoughts }) => thoughts.length > 1 && queries.has(_id));
  if (judged.length === 0) {
    throw new InvalidInputError('no query of this set has two candidates to choose from.');
  }
  const texts = judged.flatMap(({ _id, thoughts }) => {
    const query = queries.get(_id)!;
    return [query, ...thoughts.map((thought) => `${query}\n${thought}`)].map((text, i) => ({
      id: `${_id} ${i}`,
      text,
    }));
  });
  const scorer = await corpusScorer(judge, { set: { ...set, queries: texts }, output, signal, onProgress });
  let text = 0;
  const next = (query: string) => {
    const scores = scorer.scores(text++);
    const hits = bestPositions(scores, 10).map((position) => ({
      id: set.documents[position]!.id,
      score: scores[position]!,
    }));
    return ndcg(new Map([[query, hits]]), new Map([[query, set.qrels.get(query)!]]), 10).get(query)!;
  };
  const table = judged.map(({ _id, thoughts }) => ({ query: next(_id), thoughts: thoughts.map(() => next(_id)) }));
  const meanOf = (choose: (row: (typeof table)[number], record: RefinedRecord) => number) =>
    mean(table.map((row, i) => choose(row, judged[i]!)));
  return {
    queries: judged.length,
    query: meanOf(({ query }) => query),
    winner: meanOf(({ thoughts }) => thoughts[0]!),
    random: meanOf(({ thoughts }) => mean(thoughts)),
    worst: meanOf(({ thoughts }) => thoughts.at(-1)!),
    best: meanOf(({ thoughts }) => Math.max(...thoughts)),
    members: Object.fromEntries(
      Object.keys(judged[0]!.scores).map((name) => [
        name,
        meanOf(({ thoughts }, record) => thoughts[memberChoice(record, name)]!),
      ]),
    ),
  };
}
