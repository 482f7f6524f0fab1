import { createRequire } from 'node:module';
import { resolve } from 'node:path';
import { setImmediate as answersWritten } from 'node:timers/promises';
import { throwIfAborted } from '../../errors.js';
import { openStore } from '../../search/index.js';
import { createMcpServer, type McpCollection, serveStdio } from '../../server/index.js';
import type { CliContext } from '../context.js';
import { type ModelOptions, withEmbedder } from '../load-embedder.js';
import { readyIndex } from '../ready-index.js';
import { assertThere } from '../source.js';

export interface McpCommandOptions extends ModelOptions {
  readonly index?: string;
}

const { version } = createRequire(import.meta.url)('../../../package.json') as { version: string };

/**
 * Serves documents to a coding agent over the process's standard streams, until the agent hangs up.
 *
 * The agent is answered at once, while the model is loaded and the documents are indexed; its first search waits for that.
 */
export async function mcpCommand(context: CliContext, place: string, options: McpCommandOptions): Promise<void> {
  assertThere(place);
  let announce!: (collection: McpCollection) => void;
  let fail!: (error: unknown) => void;
  const collection = new Promise<McpCollection>((fulfil, reject) => {
    [announce, fail] = [fulfil, reject];
  });
  // Whoever calls a tool is told; where nobody does, that is no defect.
  collection.catch(() => {});
  const server = createMcpServer({ version, source: resolve(place), collection: () => collection });
  const gone = new AbortController();
  const hungUp = serveStdio(server, { signal: context.signal }).finally(() => gone.abort());
  // It may end while nobody waits for it yet: whatever is being loaded then stops.
  hungUp.catch(() => {});
  try {
    await withEmbedder({ ...context, signal: gone.signal }, options, async (embedder) => {
      const { folder } = await readyIndex({ ...context, signal: gone.signal }, embedder, place, options.index);
      const store = await openStore(folder, { encoder: embedder });
      try {
        announce({ service: { query: (text, settings) => embedder.streamQuery(text, settings) }, store });
        await hungUp;
      } finally {
        await store.close();
      }
    });
  } catch (error) {
    throwIfAborted(context.signal);
    if (gone.signal.aborted) return;
    fail(error);
    await answersWritten();
    await server.close();
    throw error;
  }
}
