import { BadLines } from '../../search/index.js';
import type { CliContext } from '../context.js';
import { defaultIndexFolder } from '../index-folder.js';
import { type ModelOptions, withEmbedder } from '../load-embedder.js';
import { assertThere, openSource } from '../source.js';
import { describeReport, rebuildIndex, updateIndex, warnOfBadLines } from '../update-index.js';

export interface IndexOptions extends ModelOptions {
  readonly index?: string;
  readonly idField?: string;
  readonly titleField?: string;
  readonly textField?: string;
  readonly skipBad?: boolean;
  readonly reindex?: boolean;
  readonly json?: boolean;
}

/** Indexes documents, or what is new among them. */
export async function indexCommand(context: CliContext, source: string, options: IndexOptions): Promise<void> {
  assertThere(source);
  const folder = options.index ?? defaultIndexFolder(source, context.environment);
  const badLines = options.skipBad ? new BadLines() : undefined;
  const fields = definedOnly({ id: options.idField, title: options.titleField, text: options.textField });
  await withEmbedder(context, options, async (embedder) => {
    const documents = await openSource(source, embedder, { fields, ...(badLines ? { badLines } : {}) });
    const rebuilt = options.reindex ? await rebuildIndex(context, embedder, folder) : 0;
    const update = await updateIndex(context, embedder, { folder, source }, documents);
    const embedded = rebuilt + update.embedded;
    const report = { ...update, embedded, unchanged: Math.max(0, update.documents - embedded) };
    warnOfBadLines(context, badLines);
    if (options.json) {
      const badCount = badLines ? { badLines: badLines.count } : {};
      context.stdout.write(
        `${JSON.stringify({ index: folder, encoder: embedder.fingerprint, ...report, ...badCount })}\n`,
      );
    } else {
      context.stdout.write(`${folder}: ${describeReport(report)}\n`);
    }
  });
}

/** Without the fields that are undefined, so that defaults hold for them. */
function definedOnly<K extends string>(fields: Record<K, string | undefined>): Partial<Record<K, string>> {
  const entries = Object.entries(fields).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries) as Partial<Record<K, string>>;
}
