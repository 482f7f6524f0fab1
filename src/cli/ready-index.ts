import { type IndexReport, readManifest } from '../search/index.js';
import type { CliContext, CliEmbedder } from './context.js';
import { defaultIndexFolder, isIndexFolder } from './index-folder.js';
import { openSource } from './source.js';
import { assertMadeBy, describeReport, updateIndex } from './update-index.js';

export interface ReadyIndex {
  readonly folder: string;
  /** What was indexed; absent where the place is an index already. */
  readonly report?: IndexReport;
}

/**
 * The index to ask about a place: the place itself, or that of the documents there, brought up to date.
 *
 * @param index where the index of documents is kept. Default: in the cache folder.
 */
export async function readyIndex(
  context: CliContext,
  embedder: CliEmbedder,
  place: string,
  index: string | undefined,
): Promise<ReadyIndex> {
  if (index === undefined && isIndexFolder(place)) {
    const { source } = await readManifest(place);
    await assertMadeBy(embedder, { folder: place, source });
    return { folder: place };
  }
  const folder = index ?? defaultIndexFolder(place, context.environment);
  const report = await updateIndex(context, embedder, { folder, source: place }, await openSource(place, embedder, {}));
  if (report.embedded + report.removed > 0) context.stderr.write(`${folder}: ${describeReport(report)}\n`);
  return { folder, report };
}
