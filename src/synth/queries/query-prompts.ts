import type { ChatMessage } from '../../llm/index.js';
import { fillPrompt, type PromptTemplate } from '../ask/prompt.js';

/** Ways in which people look for the same document. */
export const QUERY_KINDS = ['intent', 'key words', 'symptom'] as const;
export type QueryKind = (typeof QUERY_KINDS)[number];

const WISHES: Record<QueryKind, string> = {
  intent:
    'Write one question or request of a user who needs what this document says and does not know its title or its terms.',
  'key words': 'Write three to six key words that a user would type into a search box to find this document.',
  symptom:
    'Write one sentence of a user who has a problem that this document explains or solves. Describe what the user sees, not the solution.',
};

export const QUERY_PROMPT: PromptTemplate = {
  system: 'You write search queries. Reply with the query alone, on one line.',
  user: 'Document:\n{document}\n\n{wish}\nQuery:',
};

export const queryMessages = (document: string, kind: QueryKind): ChatMessage[] =>
  fillPrompt(QUERY_PROMPT, { document, wish: WISHES[kind] });

/** The prompt with all its wishes, for the manifest. */
export const QUERY_PROMPTS = { template: QUERY_PROMPT, wishes: WISHES };

/** The query in an answer: its first line, without a label, a list mark or quotation marks. */
export function queryIn(answer: string): string {
  const line = answer.split('\n').find((text) => text.trim() !== '') ?? '';
  return line
    .trim()
    .replace(/^(?:[-*•]|\d+[.)])\s+/, '')
    .replace(/^(?:search\s+)?(?:query|question|key ?words)\s*:\s*/i, '')
    .replace(/^(["'“‘`])(.*)["'”’`]$/, '$2')
    .replace(/\s+/g, ' ')
    .trim();
}
