import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { crashPoint } from '../../crash-point.js';
import type { DocumentRecord } from '../../search/index.js';
import { writeAtomically } from '../../write-atomically.js';
import { fraction } from '../seeded.js';
import type { QueryKind } from './query-prompts.js';

/** A query that was written for a document. */
export interface WrittenQuery {
  readonly id: string;
  readonly text: string;
  readonly document: string;
  readonly kind: QueryKind;
}

export const SPLITS = ['train', 'dev', 'test'] as const;
export type Split = (typeof SPLITS)[number];

/** Shares of the documents; the rest is train's. */
export interface SplitShares {
  readonly dev: number;
  readonly test: number;
}

/** A document's split follows from the seed and its id alone: it stays the same when there are more documents. */
export function splitOf(documentId: string, seed: number, { dev, test }: SplitShares): Split {
  const place = fraction('split', seed, documentId);
  if (place < test) return 'test';
  return place < test + dev ? 'dev' : 'train';
}

/** Writes a folder in BEIR's format: `corpus.jsonl`, `queries.jsonl`, and `qrels/` with one file a split. */
export async function writeQuerySet(
  folder: string,
  documents: readonly DocumentRecord[],
  queries: readonly WrittenQuery[],
  splitOfDocument: (documentId: string) => Split,
): Promise<Record<Split, number>> {
  await mkdir(join(folder, 'qrels'), { recursive: true });
  await writeLines(
    join(folder, 'corpus.jsonl'),
    documents.map(({ id, title, text, metadata }) => ({ _id: id, title: title ?? '', text, metadata })),
  );
  crashPoint('synth-query-set');
  await writeLines(
    join(folder, 'queries.jsonl'),
    queries.map(({ id, text, document, kind }) => ({ _id: id, text, metadata: { kind, document } })),
  );
  const counts = { train: 0, dev: 0, test: 0 };
  for (const split of SPLITS) {
    const own = queries.filter(({ document }) => splitOfDocument(document) === split);
    counts[split] = own.length;
    const rows = own.map(({ id, document }) => `${id}\t${document}\t1\n`);
    await writeAtomically(join(folder, 'qrels', `${split}.tsv`), `query-id\tcorpus-id\tscore\n${rows.join('')}`);
  }
  return counts;
}

const writeLines = (path: string, values: readonly unknown[]) =>
  writeAtomically(path, values.map((value) => `${JSON.stringify(value)}\n`).join(''));
