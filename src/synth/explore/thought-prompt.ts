import type { ChatMessage } from '../../llm/index.js';
import type { RetrievalSet } from '../../search/index.js';
import { fillPrompt, type PromptTemplate } from '../ask/prompt.js';
import { seededOrder } from '../seeded.js';

/** The paper's task text, as its code has it (Yan et al. 2025). Another task, another text: a data set may bring its own. */
export const DEFAULT_TASK = 'Think about a plausible response to address the query.';

/** The paper's order (task, in-context pairs, query), with the length said: a thought that is cut off has lost its end. */
export const THOUGHT_PROMPT: PromptTemplate = {
  system:
    '{task}\nWrite at most {words} words of plain text, as a document that answers the query would put it. No preamble.',
  user: '{examples}Query: {query}\nResponse:',
};

/** An in-context pair. */
export interface Example {
  readonly id: string;
  readonly query: string;
  /** The document that answers it, cut to the length of a thought. */
  readonly positive: string;
}

export function thoughtMessages(values: {
  readonly task: string;
  readonly words: number;
  readonly examples: readonly Example[];
  readonly query: string;
}): ChatMessage[] {
  const { task, words, query } = values;
  const examples = values.examples.map(({ query, positive }) => `Query: ${query}\nResponse: ${positive}\n\n`).join('');
  return fillPrompt(THOUGHT_PROMPT, { task, words: String(words), examples, query });
}

/** Draws in-context pairs for a query: neither its own, nor one whose document also answers this query. */
export function drawExamples(
  pool: readonly Example[],
  queryId: string,
  qrels: RetrievalSet['qrels'],
  { count, seed }: { readonly count: number; readonly seed: readonly unknown[] },
): Example[] {
  const own = qrels.get(queryId);
  const shared = (id: string) => [...(qrels.get(id) ?? [])].some(([document]) => (own?.get(document) ?? 0) > 0);
  const drawn: Example[] = [];
  for (const example of seededOrder(pool, ...seed, queryId)) {
    if (drawn.length === count) break;
    if (example.id !== queryId && !shared(example.id)) drawn.push(example);
  }
  return drawn;
}
