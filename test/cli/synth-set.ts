import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { tinyRetrievalSet } from '../support/tiny-retrieval-set.js';

/** Writes eight documents, each with its query in train, as a folder in BEIR's format. */
export async function writeTinySet(folder: string): Promise<string> {
  const { documents, queries, qrels } = tinyRetrievalSet();
  await mkdir(join(folder, 'qrels'), { recursive: true });
  const lines = (values: readonly object[]) => values.map((value) => `${JSON.stringify(value)}\n`).join('');
  await writeFile(join(folder, 'corpus.jsonl'), lines(documents.map(({ id, ...rest }) => ({ _id: id, ...rest }))));
  await writeFile(
    join(folder, 'queries.jsonl'),
    lines(queries.map(({ id, text }) => ({ _id: id, text: `${text}, and how do they work` }))),
  );
  const rows = [...qrels].map(([query, grades]) => `${query}\t${[...grades.keys()][0]}\t1\n`);
  await writeFile(join(folder, 'qrels', 'train.tsv'), `query-id\tcorpus-id\tscore\n${rows.join('')}`);
  return folder;
}
