/** The texts every bench uses: from the Node API set, always the same ones. */
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';

/** Every sixteenth entry of the corpus: 131 documents, of all lengths. */
const DOCUMENT_STEP = 16;

/**
 * The sample of documents, as they are embedded: title, newline, text.
 * @returns {string[]}
 */
export function documents() {
  const file = readFileSync(new URL('../../data/node-api/corpus.jsonl.gz', import.meta.url));
  return gunzipSync(file)
    .toString('utf8')
    .split('\n')
    .filter((line) => line !== '')
    .filter((_, index) => index % DOCUMENT_STEP === 0)
    .map((line) => JSON.parse(line))
    .map(({ title, text }) => `${title}\n${text}`);
}

/** A query of the usual kind; 21 tokens. */
export const QUERY = 'How do I read a whole file into memory without blocking the event loop while it is being read?';
