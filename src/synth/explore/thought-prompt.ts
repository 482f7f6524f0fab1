import type { ChatMessage } from '../../llm/index.js';
import { fillPrompt, type PromptTemplate } from '../ask/prompt.js';
import type { Example } from './example-pool.js';

/** The paper's task text, as its code has it (Yan et al. 2025). Another task, another text: a data set may bring its own. */
export const DEFAULT_TASK = 'Think about a plausible response to address the query.';

/** The paper's order (task, in-context pairs, query), with the length said: a thought that is cut off has lost its end. */
export const THOUGHT_PROMPT: PromptTemplate = {
  system:
    '{task}\nWrite at most {words} words of plain text, as a document that answers the query would put it. No preamble.',
  user: '{examples}Query: {query}\nResponse:',
};

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
