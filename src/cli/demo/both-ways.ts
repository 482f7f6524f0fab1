import type { SearchHit, VectorStore } from '../../search/index.js';
import type { CliContext, CliEmbedder } from '../context.js';
import { formatMilliseconds } from '../format.js';
import type { DemoSet } from './data-set.js';

/** How many of the test queries are shown, evenly spaced (every 40th of 200), so that nobody picks them. */
const SHOWN = 5;
const TOP = 3;

/** One query asked with and without a thought. */
export interface BothWays {
  readonly query: string;
  readonly instant: readonly string[];
  readonly instantMs: number;
  readonly thought: string;
  readonly thinking: readonly string[];
  readonly thinkingMs: number;
  /** The entries that answer the query. */
  readonly right: readonly string[];
}

/** Asks five test queries in both ways. */
export async function* askBothWays(
  { signal }: CliContext,
  embedder: CliEmbedder,
  store: VectorStore,
  { queries, qrels }: DemoSet,
): AsyncGenerator<BothWays> {
  const step = Math.max(1, Math.floor(queries.length / SHOWN));
  const ids = (hits: readonly SearchHit[]) => hits.map(({ id }) => id);
  for (let i = 0; i < queries.length && i < SHOWN * step; i += step) {
    const { id, text } = queries[i]!;
    const { instant, vector, thoughts, timings } = await embedder.embedQuery(text, { think: 'always', signal });
    const grades = [...qrels.get(id)!].filter(([, grade]) => grade > 0);
    yield {
      query: text,
      instant: ids(await store.search(instant, { k: TOP })),
      instantMs: timings.prefillMs,
      thought: thoughts.map((thought) => thought.text.trim()).join(' | '),
      thinking: ids(await store.search(vector, { k: TOP })),
      thinkingMs: timings.totalMs,
      right: grades.map(([documentId]) => documentId),
    };
  }
}

export function formatBothWays(example: BothWays): string {
  const { query, instant, thinking, thought, right } = example;
  const marked = (ids: readonly string[]) => ids.map((id) => (right.includes(id) ? `✓ ${id}` : id)).join(', ');
  const missed = [...instant, ...thinking].some((id) => right.includes(id)) ? '' : `\n  right     ${right.join(', ')}`;
  return (
    `${query}\n` +
    `  instant   ${marked(instant)}  (${formatMilliseconds(example.instantMs)})\n` +
    `  thought   ${thought.replace(/\s+/g, ' ')}\n` +
    `  thinking  ${marked(thinking)}  (${formatMilliseconds(example.thinkingMs)})${missed}\n`
  );
}
