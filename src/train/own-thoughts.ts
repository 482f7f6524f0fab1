import { existsSync } from 'node:fs';
import { open, readFile, truncate } from 'node:fs/promises';
import { crashPoint } from '../crash-point.js';
import type { O1Embedder } from '../embedder/index.js';
import { throwIfAborted } from '../errors.js';
import type { OwnThoughtSettings } from './stage-config.js';

export interface OwnThoughtsOptions {
  /** The journal: one query a line. */
  readonly path: string;
  readonly queries: readonly { readonly id: string; readonly text: string }[];
  readonly settings: OwnThoughtSettings;
  readonly seed: number;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: { readonly done: number; readonly total: number }) => void) | undefined;
}

interface JournalLine {
  readonly _id: string;
  readonly thoughts: readonly string[];
  /** Token ids of each thought: text that is tokenised again may give others. */
  readonly tokens: readonly (readonly number[])[];
}

/** Thoughts written side by side: throughput hardly grows beyond. */
const ROWS = 32;

/**
 * Queries between two writes to the journal. A resumed run keeps whole groups only: in int8 a thought may depend on what is
 * written beside it, so that a group must be the same one in every run.
 */
const GROUP = 64;

/**
 * Thoughts that the current model writes about the training queries, as token ids, in the order of the queries. What the journal already
 * holds is not written again.
 */
export async function writeOwnThoughts(
  loadEmbedder: () => Promise<O1Embedder>,
  options: OwnThoughtsOptions,
): Promise<readonly (readonly (readonly number[])[])[]> {
  const { path, queries, settings, seed, signal, onProgress } = options;
  const lines = await readJournal(path, queries.length);
  if (lines.length < queries.length) {
    const embedder = await loadEmbedder();
    const journal = await open(path, 'a');
    try {
      while (lines.length < queries.length) {
        throwIfAborted(signal);
        onProgress?.({ done: lines.length, total: queries.length });
        const group = queries.slice(lines.length, lines.length + GROUP);
        const embeddings = await embedder.embedQueries(
          group.map(({ text }) => text),
          {
            think: 'always',
            thoughts: settings.perQuery,
            temperature: settings.temperature,
            topP: settings.topP,
            seed,
            maxBatchRows: ROWS,
            signal,
          },
        );
        const written = embeddings.map(({ thoughts }, i): JournalLine => {
          return {
            _id: group[i]!.id,
            thoughts: thoughts.map(({ text }) => text),
            tokens: thoughts.map(({ tokens }) => tokens),
          };
        });
        await journal.appendFile(written.map((line) => `${JSON.stringify(line)}\n`).join(''));
        await journal.sync();
        crashPoint('train-thoughts');
        lines.push(...written);
      }
    } finally {
      await journal.close();
      await embedder.close();
    }
  }
  onProgress?.({ done: queries.length, total: queries.length });
  return lines.map(({ tokens }) => tokens);
}

/** The journal's whole groups; what stands after them is cut off. */
async function readJournal(path: string, queries: number): Promise<JournalLine[]> {
  if (!existsSync(path)) return [];
  const lines = (await readFile(path, 'utf8')).split('\n').slice(0, -1);
  const kept =
    lines.length >= queries ? lines.slice(0, queries) : lines.slice(0, lines.length - (lines.length % GROUP));
  await truncate(path, Buffer.byteLength(kept.map((line) => `${line}\n`).join('')));
  return kept.map((line) => JSON.parse(line) as JournalLine);
}
