import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { MismatchError, NotFoundError } from '../errors.js';
import { type BadLines, type IndexReport, indexCorpus, openStore, readManifest, reindex } from '../search/index.js';
import type { CliContext, CliEmbedder } from './context.js';
import { plural } from './format.js';
import { counted, startTask } from './progress.js';
import type { Source } from './source.js';

export interface IndexTarget {
  /** The folder of the index. */
  readonly folder: string;
  /** What the user called the documents. */
  readonly source: string;
}

/**
 * Brings an index up to date with its documents and shows how far it is.
 *
 * @throws NotFoundError when there are no documents, MismatchError when another encoder made the index.
 */
export async function updateIndex(
  context: CliContext,
  embedder: CliEmbedder,
  target: IndexTarget,
  { records, total }: Source,
): Promise<IndexReport> {
  const { folder, source } = target;
  if (total === 0) throw new NotFoundError('holds no documents.', { where: source, hint: 'Nothing was indexed.' });
  if (existsSync(join(folder, 'manifest.json'))) await assertMadeBy(embedder, target);
  // Absolute: the manifest outlives the folder in which the command was run.
  const origin = resolve(source);
  const store = await openStore(folder, { encoder: embedder, access: 'write', source: origin });
  const task = startTask(context.stderr, 'indexing', counted('documents'));
  try {
    return await indexCorpus(store, records, embedder, {
      signal: context.signal,
      source: origin,
      total,
      removeMissing: true,
      onProgress: ({ done, embedded }) => task.update({ done, total, worked: embedded }),
    });
  } finally {
    task.stop();
    await store.close();
  }
}

/** Embeds an index anew where another encoder made it, from the texts that it holds. Returns how many documents it was. */
export async function rebuildIndex(context: CliContext, embedder: CliEmbedder, folder: string): Promise<number> {
  if (!existsSync(join(folder, 'manifest.json'))) return 0;
  const task = startTask(context.stderr, 'embedding anew', counted('documents'));
  try {
    const { embedded } = await reindex(folder, embedder, {
      signal: context.signal,
      onProgress: ({ done, total, embedded }) => task.update({ done, total, worked: embedded }),
    });
    return embedded;
  } finally {
    task.stop();
  }
}

/** @throws MismatchError that says which command helps, when another encoder made the index. */
export async function assertMadeBy(embedder: CliEmbedder, { folder, source }: IndexTarget): Promise<void> {
  const manifest = await readManifest(folder);
  if (manifest.encoder === embedder.fingerprint) return;
  throw new MismatchError(`the index was made with ${manifest.encoder}, the model in use is ${embedder.fingerprint}.`, {
    where: folder,
    hint:
      'Use the model, adapter and mode that made it, or embed everything anew with those in use: ' +
      `o1-embedder index ${quoted(source)} --index ${quoted(folder)} --mode ${embedder.mode} --reindex`,
  });
}

const quoted = (path: string) => (/^[\w./@:-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`);

/** `embedded 12 documents, 3 unchanged, 1 removed; 15 in the index` */
export function describeReport({ embedded, unchanged, removed, documents }: IndexReport): string {
  const removedToo = removed === 0 ? '' : `, ${removed} removed`;
  return `embedded ${plural(embedded, 'document')}, ${unchanged} unchanged${removedToo}; ${documents} in the index`;
}

/** Says which lines were left out, the first few word for word. */
export function warnOfBadLines(context: CliContext, badLines: BadLines | undefined): void {
  if (!badLines || badLines.count === 0) return;
  context.stderr.write(`Left out ${plural(badLines.count, 'bad line')}:\n`);
  for (const { message } of badLines.first) context.stderr.write(`  ${message}\n`);
  const more = badLines.count - badLines.first.length;
  if (more > 0) context.stderr.write(`  and ${more} more\n`);
}
