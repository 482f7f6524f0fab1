import { join } from 'node:path';
import { crashPoint } from '../../crash-point.js';
import { InvalidInputError } from '../../errors.js';
import type { ChatAnswer, ChatModel, ChatRequest, TokenPrices } from '../../llm/index.js';
import { type DocumentRecord, documentText, type TokenCounter } from '../../search/index.js';
import { type AskProgress, askAll, type Outcome } from '../ask/ask-all.js';
import { type StageUsage, usageOf } from '../ask/usage.js';
import type { CommitteeMember, CommitteeProgress } from '../committee/index.js';
import { contentKey } from '../content-key.js';
import { cutToTokens } from '../cut-text.js';
import { Journal } from '../journal.js';
import { type Rejected, writeStage } from '../manifest.js';
import { seededOrder } from '../seeded.js';
import { QUERY_KINDS, QUERY_PROMPTS, queryIn, queryMessages } from './query-prompts.js';
import { roundTrip } from './round-trip.js';
import { type Split, type SplitShares, splitOf, type WrittenQuery, writeQuerySet } from './write-query-set.js';

export interface QueriesOptions {
  readonly documents: readonly DocumentRecord[];
  /** Folder for the data set in BEIR's format, `manifest.json` and `journal/queries.jsonl`. */
  readonly output: string;
  readonly model: ChatModel;
  /** Counts with the embedder's tokenizer. */
  readonly countTokens: TokenCounter;
  /** Documents drawn for queries. Default: all. */
  readonly sample?: number | undefined;
  /** What the expert sees of a document, in tokens. Default 512. */
  readonly documentTokens?: number | undefined;
  /** Longest query, in tokens. Default 64, the default length policy. */
  readonly queryTokens?: number | undefined;
  /** Default 0.7. */
  readonly temperature?: number | undefined;
  /** Of the sample, the split and the sampling. Default 0. */
  readonly seed?: number | undefined;
  /** The member by which a query must find its document, among so many hits. Default: BM25, 10. */
  readonly roundTrip?:
    | {
        readonly member?: CommitteeMember | undefined;
        readonly top?: number | undefined;
        readonly onProgress?: ((progress: CommitteeProgress) => void) | undefined;
      }
    | undefined;
  /** Default: a tenth of the documents each. */
  readonly shares?: SplitShares | undefined;
  readonly concurrency?: number | undefined;
  readonly prices?: TokenPrices | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: AskProgress) => void) | undefined;
}

export interface QueriesReport {
  readonly documents: number;
  readonly sampled: number;
  readonly queries: number;
  readonly splits: Readonly<Record<Split, number>>;
  readonly rejected: readonly Rejected[];
  readonly usage: StageUsage;
}

const BM25: CommitteeMember = { kind: 'sparse', name: 'bm25' };

/**
 * The expert writes a query of each kind for sampled documents. Those that lead back to their document become a data set with
 * train, dev and test, split by document: a document of test has no query in train.
 *
 * Everything that is answered goes to a journal at once; the same call again asks only what is missing.
 */
export async function synthesiseQueries(options: QueriesOptions): Promise<QueriesReport> {
  const { documents, output, model, countTokens, prices, signal, sample } = options;
  const { documentTokens = 512, queryTokens = 64, temperature = 0.7, seed = 0 } = options;
  const { member = BM25, top = 10, onProgress } = options.roundTrip ?? {};
  const shares = options.shares ?? { dev: 0.1, test: 0.1 };
  checkShares(shares);
  if (documents.length === 0) throw new InvalidInputError('there are no documents to write queries for.');

  const way = { documents, member, top, output, signal, onProgress };
  // A member that is not to be had should be known before the expert is asked; the documents' vectors are kept.
  if (member.kind === 'dense') await roundTrip([], way);
  const drawn = seededOrder(documents, 'sample', seed).slice(0, sample);
  const tasks = drawn.flatMap((document) => QUERY_KINDS.map((kind) => ({ document, kind })));
  const texts = new Map(drawn.map((one) => [one.id, cutToTokens(documentText(one), documentTokens, countTokens).text]));
  const requests = tasks.map(({ document, kind }): ChatRequest => {
    const messages = queryMessages(texts.get(document.id)!, kind);
    return { messages, maxTokens: queryTokens * 2, temperature, seed };
  });
  const outcomes = await ask(requests, options);

  const written: WrittenQuery[] = [];
  const rejected: Rejected[] = [];
  const seen = new Set<string>();
  for (const [i, { document, kind }] of tasks.entries()) {
    const outcome = outcomes[i]!;
    const text = 'answer' in outcome ? queryIn(outcome.answer.text) : '';
    const reason =
      'error' in outcome
        ? `no answer: ${outcome.error.fault}`
        : wrongWith(text, document, seen, { limit: queryTokens, countTokens });
    seen.add(text.toLowerCase());
    if (reason === undefined) {
      // The id follows from the document, not from the order: a larger sample keeps the queries of a smaller one.
      written.push({ id: contentKey([document.id, kind]).slice(0, 12), text, document: document.id, kind });
    } else {
      rejected.push({ id: document.id, what: kind, reason, ...(text === '' ? {} : { text }) });
    }
  }
  const { found, fingerprint } = await roundTrip(written, way);
  const kept = written.filter((_, i) => found[i]);
  for (const [i, { document, kind, text }] of written.entries()) {
    if (!found[i]) rejected.push({ id: document, what: kind, reason: 'does not find its document', text });
  }

  crashPoint('synth-queries');
  const splits = await writeQuerySet(output, documents, kept, (id) => splitOf(id, seed, shares));
  const report: QueriesReport = {
    documents: documents.length,
    sampled: drawn.length,
    queries: kept.length,
    splits,
    rejected,
    usage: usageOf(outcomes, prices),
  };
  crashPoint('synth-queries-manifest');
  await writeStage(output, 'queries', {
    model: model.name,
    settings: { sample: sample ?? null, documentTokens, queryTokens, temperature, seed, shares },
    roundTrip: { member: member.name, fingerprint, top },
    prompt: { ...QUERY_PROMPTS, sha256: contentKey(QUERY_PROMPTS) },
    ...report,
  });
  return report;
}

async function ask(requests: readonly ChatRequest[], options: QueriesOptions): Promise<Outcome[]> {
  const journal = await Journal.open<ChatAnswer>(join(options.output, 'journal', 'queries.jsonl'));
  try {
    return await askAll(requests, { ...options, journal });
  } finally {
    await journal.close();
  }
}

/** A title may well be typed as key words; a whole sentence is what small models write when they copy. */
const MOST_WORDS_COPIED = 8;

function wrongWith(
  text: string,
  document: DocumentRecord,
  seen: ReadonlySet<string>,
  { limit, countTokens }: { readonly limit: number; readonly countTokens: TokenCounter },
): string | undefined {
  if (text === '') return 'empty';
  if (countTokens(text) > limit) return 'too long';
  const words = (whole: string) => whole.toLowerCase().split(/\s+/);
  const copied = words(documentText(document)).join(' ').includes(words(text).join(' '));
  if (copied && words(text).length > MOST_WORDS_COPIED) return 'copied from the document';
  // It could not tell its document from the other one.
  return seen.has(text.toLowerCase()) ? 'written for another document or kind too' : undefined;
}

function checkShares({ dev, test }: SplitShares): void {
  if (!(dev >= 0 && test >= 0 && dev + test <= 1)) {
    throw new InvalidInputError(
      `the shares of dev and test must be from 0 up and at most 1 together, got ${dev} and ${test}.`,
    );
  }
}
