import { cosine } from '../../embedder/index.js';
import type { CliContext } from '../context.js';
import { formatMilliseconds } from '../format.js';
import { type ModelOptions, withEmbedder } from '../load-embedder.js';
import { embeddingToJson, remarksOn, type ThinkingOptions, toQueryOptions } from '../thinking-options.js';

export interface ThinkOptions extends ModelOptions, ThinkingOptions {
  readonly json?: boolean;
}

/** Shows what the model thinks about a query, and how far the thought moves the query's vector. */
export async function thinkCommand(context: CliContext, query: string, options: ThinkOptions): Promise<void> {
  const settings = toQueryOptions(context, { ...options, think: options.think ?? 'always' });
  await withEmbedder(context, options, async (embedder) => {
    const embedding = await embedder.embedQuery(query, settings);
    const { instant, vector, thoughts, timings } = embedding;
    const likeness = cosine(instant, vector);
    if (options.json) {
      const { fingerprint, mode } = embedder;
      const vectors = { instant: [...instant], vector: [...vector] };
      const result = { query, encoder: fingerprint, mode, ...embeddingToJson(embedding), cosine: likeness, ...vectors };
      context.stdout.write(`${JSON.stringify(result)}\n`);
      return;
    }
    for (const [i, { text, finishReason }] of thoughts.entries()) {
      const number = thoughts.length === 1 ? '' : ` ${i + 1}`;
      const cut = finishReason === 'length' ? ' …' : '';
      context.stdout.write(`thought${number}: ${text.trim()}${cut}\n`);
    }
    for (const remark of remarksOn(embedding)) context.stderr.write(`${remark}\n`);
    context.stdout.write(`cosine of instant and final vector: ${likeness.toFixed(4)}\n`);
    context.stdout.write(
      `instant vector after ${formatMilliseconds(timings.prefillMs)}, ` +
        `thinking ${formatMilliseconds(timings.thinkMs)} (of it the final vector ${formatMilliseconds(timings.closingMs)})\n`,
    );
  });
}
