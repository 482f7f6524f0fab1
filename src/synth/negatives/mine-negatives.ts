import { createHash } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { crashPoint } from '../../crash-point.js';
import { InvalidInputError, throwIfAborted } from '../../errors.js';
import { documentText, type RetrievalSet } from '../../search/index.js';
import { writeAtomically } from '../../write-atomically.js';
import {
  type CommitteeMember,
  type CommitteeProgress,
  type CorpusScorer,
  corpusScorer,
  positivesOf,
} from '../committee/index.js';
import { contentKey } from '../content-key.js';
import { Journal } from '../journal.js';
import { type Rejected, writeStage } from '../manifest.js';
import { chooseNegatives, meanAt, type NegativeSettings, negativeSettings } from './choose-negatives.js';
import { copyFinder } from './copies.js';

export interface NegativesOptions extends Partial<NegativeSettings> {
  readonly set: RetrievalSet;
  /** All score; at least one must be dense, because the teacher scores are cosines. */
  readonly members: readonly CommitteeMember[];
  /** Names of the members whose hits become negatives. Default: all. */
  readonly miners?: readonly string[] | undefined;
  /** Output folder. */
  readonly output: string;
  /** Only the first so many queries. Default: all. */
  readonly limit?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: CommitteeProgress) => void) | undefined;
}

/** A line of `negatives.jsonl`. Of several positives `positive` is the mean. */
export interface NegativesRecord {
  readonly _id: string;
  /** Document ids, by teacher score, best first. */
  readonly negatives: readonly string[];
  /** Mean over the dense members of the cosine of query and document. */
  readonly teacher: { readonly positive: number; readonly negatives: readonly number[] };
  readonly scores: Readonly<Record<string, { readonly positive: number; readonly negatives: readonly number[] }>>;
}

export interface NegativesReport {
  readonly queries: number;
  readonly negatives: number;
  /** Documents within the ranks that were left out because the teacher finds them about as good as the positive. */
  readonly nearPositives: number;
  /** Queries with fewer negatives than asked for. */
  readonly short: number;
  readonly rejected: readonly Rejected[];
}

interface Mined {
  readonly record: NegativesRecord;
  readonly nearPositives: number;
}

/** Queries of one entry of the journal. */
const CHUNK = 64;

/**
 * Finds hard negatives for a set's queries and writes `negatives.jsonl` and the manifest's record. Each member's hits within a
 * range of ranks are eligible, without the positives and without near-positives.
 *
 * The whole corpus is scored for every query, in memory: `documents x dimensions x 4` bytes for each dense member.
 */
export async function mineNegatives(options: NegativesOptions): Promise<NegativesReport> {
  const { members, output, limit, signal, onProgress } = options;
  const settings = negativeSettings(options);
  const miners = options.miners ?? members.map(({ name }) => name);
  check(members, miners);
  const set = { ...options.set, queries: options.set.queries.slice(0, limit) };
  await mkdir(output, { recursive: true });
  const scorers: CorpusScorer[] = [];
  for (const member of members) scorers.push(await corpusScorer(member, { set, output, signal, onProgress }));
  const asked = scorers.map(({ name, fingerprint }) => ({ name, fingerprint }));
  const context = contentKey({ settings, miners, members: asked, corpus: corpusHash(set) });
  const judged = positivesOf(set);
  const positions = new Map(set.documents.map(({ id }, position) => [id, position]));
  const copiesOf = copyFinder(set);
  const mined: Mined[] = [];
  const rejected: Rejected[] = [];
  const journal = await Journal.open<Mined[]>(join(output, 'journal', 'negatives.jsonl'));
  try {
    for (let start = 0; start < set.queries.length; start += CHUNK) {
      const chunk = set.queries.slice(start, start + CHUNK).map((query, i) => ({
        ...query,
        number: start + i,
        positives: (judged.get(query.id) ?? []).map(({ id }) => positions.get(id)!),
      }));
      const withPositives = chunk.filter(({ positives }) => positives.length > 0);
      for (const { id, positives } of chunk) {
        if (positives.length === 0) rejected.push({ id, reason: 'no positive document in this set' });
      }
      const key = contentKey([context, withPositives.map(({ id, text, positives }) => [id, text, positives])]);
      let found = journal.get(key);
      if (!found) {
        found = [];
        for (const query of withPositives) {
          throwIfAborted(signal);
          found.push(mineOne({ ...query, copies: copiesOf(query.positives) }, scorers, miners, set, settings));
          // The scores of a large corpus take a while: an abort must come through.
          await new Promise(setImmediate);
        }
        await journal.append(key, found);
      }
      mined.push(...found);
      onProgress?.({ member: 'negatives', what: 'queries', done: start + chunk.length, total: set.queries.length });
    }
  } finally {
    await journal.close();
  }
  for (const { record } of mined) {
    if (record.negatives.length === 0) rejected.push({ id: record._id, reason: 'no document is eligible' });
  }
  const records = mined.map(({ record }) => record).filter(({ negatives }) => negatives.length > 0);
  crashPoint('negatives-before-write');
  const lines = records.map((record) => `${JSON.stringify(record)}\n`);
  await writeAtomically(join(output, 'negatives.jsonl'), lines.join(''));
  const report: NegativesReport = {
    queries: records.length,
    negatives: records.reduce((sum, { negatives }) => sum + negatives.length, 0),
    nearPositives: mined.reduce((sum, { nearPositives }) => sum + nearPositives, 0),
    short: records.filter(({ negatives }) => negatives.length < settings.count).length,
    rejected,
  };
  await writeStage(output, 'negatives', { settings, members: asked, miners, limit: limit ?? null, ...report });
  return report;
}

/** Of ids and texts, one document at a time: a whole corpus is too long for one string. */
function corpusHash({ documents }: RetrievalSet): string {
  const hash = createHash('sha256');
  for (const document of documents) hash.update(`${JSON.stringify([document.id, documentText(document)])}\n`);
  return hash.digest('hex');
}

function check(members: readonly CommitteeMember[], miners: readonly string[]): void {
  if (!members.some(({ kind }) => kind === 'dense')) {
    throw new InvalidInputError('hard negatives need a dense member: its cosines are the teacher scores.', {
      hint: 'Add encoder:all-minilm-l6-v2, for example.',
    });
  }
  const unknown = miners.find((name) => !members.some((member) => member.name === name));
  if (unknown !== undefined || miners.length === 0) {
    throw new InvalidInputError(`expected miners among the members, got ${JSON.stringify(miners)}.`, {
      hint: `Members: ${members.map(({ name }) => name).join(', ')}.`,
    });
  }
}

/** A cosine's sixth decimal is the arithmetic's own noise. */
const rounded = (score: number) => Math.round(score * 1e6) / 1e6;

function mineOne(
  query: {
    readonly id: string;
    readonly number: number;
    readonly positives: readonly number[];
    readonly copies: readonly number[];
  },
  scorers: readonly CorpusScorer[],
  miners: readonly string[],
  set: RetrievalSet,
  settings: NegativeSettings,
): Mined {
  const scored = scorers.map((scorer) => ({ ...scorer, corpus: scorer.scores(query.number).map(rounded) }));
  const dense = scored.filter(({ kind }) => kind === 'dense');
  const teacher = new Float64Array(set.documents.length);
  for (const { corpus } of dense) for (const [i, score] of corpus.entries()) teacher[i]! += score / dense.length;
  const mining = scored.filter(({ name }) => miners.includes(name)).map(({ corpus }) => corpus);
  const { negatives, nearPositives } = chooseNegatives(query.id, mining, teacher, query, settings);
  const scoresIn = (corpus: Float64Array) => ({
    positive: rounded(meanAt(corpus, query.positives)),
    negatives: negatives.map((position) => rounded(corpus[position]!)),
  });
  const record: NegativesRecord = {
    _id: query.id,
    negatives: negatives.map((position) => set.documents[position]!.id),
    teacher: scoresIn(teacher),
    scores: Object.fromEntries(scored.map(({ name, corpus }) => [name, scoresIn(corpus)])),
  };
  return { record, nearPositives };
}
