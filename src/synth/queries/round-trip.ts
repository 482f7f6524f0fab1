import { throwIfAborted } from '../../errors.js';
import type { DocumentRecord } from '../../search/index.js';
import { bestPositions, type CommitteeMember, type CommitteeProgress, corpusScorer } from '../committee/index.js';
import type { WrittenQuery } from './write-query-set.js';

export interface RoundTripOptions {
  readonly documents: readonly DocumentRecord[];
  readonly member: CommitteeMember;
  /** A query must find its document among so many hits. */
  readonly top: number;
  /** Output folder: vectors are kept there. */
  readonly output: string;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: CommitteeProgress) => void) | undefined;
}

export interface RoundTrip {
  /** Of the member. */
  readonly fingerprint: string;
  /** For each query, whether its document is among its first hits. */
  readonly found: readonly boolean[];
}

/** Lets a member of the committee look for the documents of queries: do they lead back? */
export async function roundTrip(queries: readonly WrittenQuery[], options: RoundTripOptions): Promise<RoundTrip> {
  const { documents, member, top, output, signal, onProgress } = options;
  const set = { documents: [...documents], queries: [...queries], qrels: new Map() };
  const { fingerprint, scores } = await corpusScorer(member, { set, output, signal, onProgress });
  const found: boolean[] = [];
  for (const [i, { document }] of queries.entries()) {
    throwIfAborted(signal);
    found.push(bestPositions(scores(i), top).some((position) => documents[position]!.id === document));
    // The scores of a large corpus take a while: an abort must come through.
    await new Promise(setImmediate);
  }
  return { fingerprint, found };
}
