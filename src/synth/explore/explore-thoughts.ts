import { join } from 'node:path';
import { InvalidInputError } from '../../errors.js';
import type { ChatAnswer, ChatModel, ChatRequest, TokenPrices } from '../../llm/index.js';
import { documentText, type RetrievalSet, type TokenCounter } from '../../search/index.js';
import { type AskProgress, askAll, type Outcome } from '../ask/ask-all.js';
import { describePrompt } from '../ask/prompt.js';
import { usageOf } from '../ask/usage.js';
import { cutToTokens } from '../cut-text.js';
import { Journal } from '../journal.js';
import { type Example, ExamplePool } from './example-pool.js';
import { type CandidatesReport, finishCandidates, siftThoughts } from './sift-thoughts.js';
import { DEFAULT_TASK, THOUGHT_PROMPT, thoughtMessages } from './thought-prompt.js';

export interface ExploreSettings {
  /** What a thought is for this data set. Default: the paper's text. */
  readonly task?: string | undefined;
  /** Candidates of each query. Default 3. */
  readonly candidates?: number | undefined;
  /** In-context pairs of query and positive document. Default 3. */
  readonly examples?: number | undefined;
  /**
   * Longest thought, in tokens of the embedder. Default 96, the default length policy for thoughts. A longer one is cut at a sentence
   * or word, so that training keeps its end mark.
   */
  readonly maxTokens?: number | undefined;
  /** Default 0.8: at the paper's 0.1 the candidates are near-duplicates. Choose it by the diversity that is reported. */
  readonly temperature?: number | undefined;
  /** Of the in-context pairs and the sampling. Default 0. */
  readonly seed?: number | undefined;
}

export interface ExploreOptions extends ExploreSettings {
  readonly set: RetrievalSet;
  /** Only the first so many queries. Default: all. */
  readonly limit?: number | undefined;
  /** Folder for `candidates.jsonl`, `manifest.json` and `journal/thoughts.jsonl`. */
  readonly output: string;
  readonly model: ChatModel;
  /** Counts with the embedder's tokenizer. */
  readonly countTokens: TokenCounter;
  readonly concurrency?: number | undefined;
  readonly prices?: TokenPrices | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: AskProgress) => void) | undefined;
}

/** The expert's tokens are not the embedder's, and a whole sentence to cut at needs room. */
const ROOM = 2;
/** English has about 1.3 tokens a word with these vocabularies; technical words have more. */
const WORDS_A_TOKEN = 0.6;

/**
 * The expert writes candidate thoughts for each query of a set, in the order of the queries: see `thoughtMessages` for the prompt.
 *
 * Everything that is answered goes to a journal at once; the same call again asks only what is missing. A query whose candidates
 * all fail is left out and stands among the rejected.
 */
export async function exploreThoughts(options: ExploreOptions): Promise<CandidatesReport> {
  const settings = checked(options);
  const { set, output, model, countTokens, prices } = options;
  const queries = set.queries.slice(0, options.limit);
  const pool = new ExamplePool(examplesOf(set, settings.maxTokens, countTokens), set.qrels);
  const requests = queries.flatMap(({ id, text }) =>
    Array.from({ length: settings.candidates }, (_, candidate): ChatRequest => {
      const { task, seed, maxTokens, temperature } = settings;
      // Other examples for each candidate: one more source of variety, also for a model that ignores the seed.
      const examples = pool.draw(id, { count: settings.examples, seed: [seed, candidate] });
      const words = Math.floor(maxTokens * WORDS_A_TOKEN);
      const messages = thoughtMessages({ task, words, examples, query: text });
      return { messages, maxTokens: maxTokens * ROOM, temperature, seed: seed + candidate };
    }),
  );
  const journal = await Journal.open<ChatAnswer>(join(output, 'journal', 'thoughts.jsonl'));
  let outcomes: Outcome[];
  try {
    outcomes = await askAll(requests, { ...options, journal });
  } finally {
    await journal.close();
  }
  const sifted = queries.map(({ id, text }, i) => {
    const own = outcomes.slice(i * settings.candidates, (i + 1) * settings.candidates);
    const texts = own.map((outcome) =>
      'error' in outcome
        ? { failed: `no answer: ${outcome.error.fault}` }
        : { text: withoutLabel(outcome.answer.text), broken: outcome.answer.finishReason === 'length' },
    );
    return siftThoughts({ id, text }, texts, settings.maxTokens, countTokens);
  });
  return finishCandidates(output, sifted, {
    model: model.name,
    record: { settings, limit: options.limit ?? null, prompt: describePrompt(THOUGHT_PROMPT) },
    usage: usageOf(outcomes, prices),
  });
}

function checked(
  options: ExploreSettings,
): Required<{ [Key in keyof ExploreSettings]: NonNullable<ExploreSettings[Key]> }> {
  const { task = DEFAULT_TASK, candidates = 3, examples = 3, maxTokens = 96, temperature = 0.8, seed = 0 } = options;
  for (const [name, value, least] of [
    ['candidates', candidates, 1],
    ['examples', examples, 0],
    ['maxTokens', maxTokens, 1],
    ['seed', seed, 0],
  ] as const) {
    if (!(Number.isInteger(value) && value >= least)) {
      throw new InvalidInputError(`${name} must be a whole number from ${least} up, got ${value}.`);
    }
  }
  if (task.trim() === '') throw new InvalidInputError('the task text is empty.');
  return { task, candidates, examples, maxTokens, temperature, seed };
}

/** Every query of the set with its best positive; queries without one in the corpus give no example. */
function examplesOf(set: RetrievalSet, maxTokens: number, countTokens: TokenCounter): Example[] {
  const documents = new Map(set.documents.map((document) => [document.id, document]));
  return set.queries.flatMap(({ id, text }) => {
    const grades = [...(set.qrels.get(id) ?? [])].filter(([document, grade]) => grade > 0 && documents.has(document));
    const best = grades.sort(([, a], [, b]) => b - a)[0];
    if (!best) return [];
    const positive = cutToTokens(documentText(documents.get(best[0])!), maxTokens, countTokens).text;
    return positive === '' ? [] : [{ id, query: text, positive: positive.replace(/\s+/g, ' ') }];
  });
}

/** Models like to repeat the label at the end of the prompt. */
const withoutLabel = (text: string): string => text.trim().replace(/^(?:Response|Document|Answer)\s*:\s*/i, '');
