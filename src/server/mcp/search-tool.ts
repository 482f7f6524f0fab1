import type { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { z } from 'zod';
import type { QueryEmbedding } from '../../embedder/index.js';
import { InvalidInputError } from '../../errors.js';
import type { SearchHit } from '../../search/index.js';
import { instantScoresOf } from '../instant-scores.js';
import { queryEmbedding } from '../service.js';
import type { McpCollection } from './mcp-server.js';

/** Characters of a hit's text that are shown. A chunk of a folder's Markdown is shorter; a long JSONL record is not. */
const SHOWN_CHARACTERS = 1_500;

const inputSchema = z.strictObject({
  query: z
    .string()
    .trim()
    .min(1, 'expected what to look for, got an empty text')
    .describe('What you want to know, in plain words: a question or a description, not a regular expression.'),
  thought: z
    .string()
    .trim()
    .min(1, 'expected a thought, or none at all')
    .optional()
    .describe(
      'Your own guess at the passage that answers the query, in one or two sentences, with the names and terms it would use ("logrotate moves app.log aside; copytruncate keeps the file open"). It may be wrong in detail. Finds most, and costs no time: give it whenever you can.',
    ),
  top: z.int().min(1).max(50).default(8).describe('How many passages.'),
  think: z
    .enum(['never', 'always', 'auto'])
    .optional()
    .describe(
      'Whether the built-in small model writes a thought where you give none: never (fastest), always (about a second), or auto (decides by the query, where the model has learnt to). Default: what was measured to be best for this model.',
    ),
  deadline_ms: z
    .int()
    .min(0)
    .optional()
    .describe('Stop thinking after this many milliseconds, and search with what is there. Default: no deadline.'),
});

/** Registers `search`: passages by meaning, best first. */
export function registerSearch(server: McpServer, source: string, collection: () => Promise<McpCollection>): void {
  server.registerTool(
    'search',
    {
      title: 'Search the documents',
      description: `Finds passages of ${source} by what they mean, even where they use other words than the query. Use it before reading files one by one, and when a text search finds nothing; for an exact name or string a text search is better. Each hit has an id, its title, a score and its text; \`get\` gives a text that was cut.`,
      inputSchema,
      annotations: { readOnlyHint: true, idempotentHint: true, openWorldHint: false },
    },
    async ({ query, thought, top, think, deadline_ms: deadlineMs }, { signal }) => {
      if (thought !== undefined && think === 'never') {
        throw new InvalidInputError('thought and think "never" exclude each other.', {
          hint: 'Leave one of them out.',
        });
      }
      const { service, store } = await collection();
      const embedding = await queryEmbedding(service, query, {
        think: thought === undefined ? think : 'always',
        thought,
        deadlineMs,
        instantScores: instantScoresOf(store),
        signal,
      });
      const hits = await store.search(embedding.vector, { k: top });
      return { content: [{ type: 'text', text: describeAnswer(embedding, hits) }] };
    },
  );
}

/** The answer as an agent reads it: short, the ids first, and what the hits are based on. */
function describeAnswer(embedding: QueryEmbedding, hits: readonly SearchHit[]): string {
  if (hits.length === 0) return 'No hits: there are no documents.';
  return [...remarks(embedding), ...hits.map(describeHit)].join('\n\n');
}

function remarks({ thoughts, basis, deadlineReached, truncated }: QueryEmbedding): string[] {
  const written = thoughts.filter(({ finishReason }) => finishReason !== 'given');
  return [
    ...written.map(({ text }) => `Searched with the model's thought: ${text.trim()}`),
    ...(deadlineReached && basis === 'instant'
      ? ['The deadline came before a thought was finished: searched without.']
      : []),
    ...(truncated ? ['The query is longer than the model reads: its end was left out.'] : []),
  ];
}

function describeHit({ id, title, text, score }: SearchHit, index: number): string {
  const cut = text.length > SHOWN_CHARACTERS;
  return [
    `${index + 1}. id: ${id}  (score ${score.toFixed(3)})`,
    ...(title !== undefined && title !== id ? [title] : []),
    cut ? `${text.slice(0, SHOWN_CHARACTERS)} … (${text.length} characters; get has all)` : text,
  ].join('\n');
}
