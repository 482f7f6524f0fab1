import { createHash } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { cacheFolder } from '../../models/index.js';
import { openStore } from '../../search/index.js';
import type { CliContext } from '../context.js';
import { askBothWays, type BothWays, formatBothWays } from '../demo/both-ways.js';
import { type DemoSet, loadDemoSet, NODE_API } from '../demo/data-set.js';
import { captionOf, figuresTable } from '../demo/figures.js';
import { measure } from '../demo/measure.js';
import { formatSeconds } from '../format.js';
import { type ModelOptions, withEmbedder } from '../load-embedder.js';
import { describeReport, updateIndex } from '../update-index.js';

export interface DemoOptions extends ModelOptions {
  readonly fresh?: boolean;
  readonly json?: boolean;
}

/** The whole way on a real set: fetch, index, ask in both ways, measure. */
export async function demoCommand(context: CliContext, options: DemoOptions): Promise<void> {
  await runDemo(context, options, await loadDemoSet());
}

/** The demo on a given set, so that a test can take fewer queries. */
export async function runDemo(context: CliContext, options: DemoOptions, set: DemoSet): Promise<void> {
  const start = performance.now();
  const say = (text: string) => (options.json ? undefined : context.stdout.write(text));
  await withEmbedder(context, options, async (embedder) => {
    const { fingerprint, settings, mode } = embedder;
    // One index for each encoder: changing the mode back and forth embeds nothing twice.
    const name = createHash('sha256').update(fingerprint).digest('hex').slice(0, 12);
    const folder = join(cacheFolder(context.environment), 'indexes', `demo-${name}`);
    if (options.fresh) await rm(folder, { recursive: true, force: true });
    const corpus = { records: set.documents, total: set.documents.length };
    const report = await updateIndex(context, embedder, { folder, source: NODE_API }, corpus);
    say(`Node.js API, ${describeReport(report)}, with ${settings.base.model} in ${mode}.\n\n`);

    const store = await openStore(folder, { encoder: embedder });
    try {
      say(
        `Five of the ${set.queries.length} test queries, evenly spaced, without and with a thought (✓ = right answer):\n\n`,
      );
      const examples: BothWays[] = [];
      for await (const example of askBothWays(context, embedder, store, set)) {
        examples.push(example);
        say(`${formatBothWays(example)}\n`);
      }
      say(`nDCG@10 over the ${set.queries.length} test queries:\n\n`);
      const { figures, p } = await measure(context, embedder, store, set);
      const caption = captionOf(figures, p, settings.thinking.think);
      const seconds = (performance.now() - start) / 1000;
      say(`${figuresTable(figures)}\n${caption}\n\nTook ${formatSeconds(seconds)}.\n`);
      if (options.json) {
        const result = { encoder: fingerprint, mode, index: { folder, ...report }, examples, ndcg10: figures, p };
        context.stdout.write(`${JSON.stringify({ ...result, caption, seconds })}\n`);
      }
    } finally {
      await store.close();
    }
  });
}
