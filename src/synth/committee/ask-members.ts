import { join } from 'node:path';
import { throwIfAborted } from '../../errors.js';
import { contentKey } from '../content-key.js';
import { Journal } from '../journal.js';
import type { CommitteeMember, CommitteeProgress } from './member.js';
import { denseScores, type ScoredCase, sparseScores } from './score-candidates.js';

export interface AskMembersOptions {
  readonly members: readonly CommitteeMember[];
  /** Output folder. */
  readonly output: string;
  /** All members at once: quicker with endpoints, more memory with models on this machine. Default: one after the other. */
  readonly together?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: CommitteeProgress) => void) | undefined;
}

/**
 * Queries that are scored by one call of a member, and one entry of the journal. Which texts share a call follows from the
 * candidates alone: a model may give a text other last digits beside other texts.
 */
const CHUNK = 64;

/** Every member's scores of all candidates, by its name. What was scored before, with the same member, is read from the journal. */
export async function askMembers(
  cases: readonly ScoredCase[],
  options: AskMembersOptions,
): Promise<Map<string, MemberScores>> {
  const { members, output, together = false } = options;
  const journal = await Journal.open<number[][]>(join(output, 'journal', 'refine.jsonl'));
  const asked = new Map<string, MemberScores>();
  try {
    const ask = async (member: CommitteeMember, signal: AbortSignal | undefined) => {
      asked.set(member.name, await scoreAll(member, cases, journal, { ...options, signal }));
    };
    if (together) await askTogether(members, ask, options.signal);
    else for (const member of members) await ask(member, options.signal);
  } finally {
    await journal.close();
  }
  return asked;
}

/** Where one member fails the others are stopped, and waited for: the journal is closed and the folder given up afterwards. */
async function askTogether(
  members: readonly CommitteeMember[],
  ask: (member: CommitteeMember, signal: AbortSignal) => Promise<void>,
  signal: AbortSignal | undefined,
): Promise<void> {
  const failure = new AbortController();
  const either = signal ? AbortSignal.any([signal, failure.signal]) : failure.signal;
  await Promise.allSettled(members.map((member) => ask(member, either).catch((error) => failure.abort(error))));
  failure.signal.throwIfAborted();
}

/** What a member has said. */
export interface MemberScores {
  readonly fingerprint: string;
  /** Of each query, one a candidate. */
  readonly scores: readonly (readonly number[])[];
}

/** One member's scores of all candidates. It is loaded in any case: its fingerprint says what the journal has of it. */
async function scoreAll(
  member: CommitteeMember,
  cases: readonly ScoredCase[],
  journal: Journal<number[][]>,
  { signal, onProgress }: AskMembersOptions,
): Promise<MemberScores> {
  throwIfAborted(signal);
  const retriever = member.kind === 'dense' ? await member.load({ signal }) : undefined;
  const fingerprint = retriever?.fingerprint ?? 'bm25';
  const scores: number[][] = [];
  try {
    for (let start = 0; start < cases.length; start += CHUNK) {
      throwIfAborted(signal);
      const chunk = cases.slice(start, start + CHUNK);
      const key = contentKey({ fingerprint, chunk: chunk.map(({ thoughts, positives }) => [thoughts, positives]) });
      let found = journal.get(key);
      if (!found) {
        found = retriever ? await denseScores(chunk, retriever, signal) : chunk.map(sparseScores);
        await journal.append(key, found);
      }
      scores.push(...found);
      onProgress?.({ member: member.name, what: 'queries', done: scores.length, total: cases.length });
    }
  } finally {
    await retriever?.close();
  }
  return { fingerprint, scores };
}
