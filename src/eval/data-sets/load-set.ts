import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { InvalidInputError, NotFoundError } from '../../errors.js';
import type { Qrels } from '../../metrics/index.js';
import { loadBeir, type RetrievalSet, readLines, readQrels } from '../../search/index.js';
import { CATALOGUE, type CatalogueEntry } from './catalogue.js';
import type { EvaluationSet, JudgedQueries } from './evaluation-set.js';
import { unseenQueries } from './unseen.js';

const DATA = fileURLToPath(new URL('../../../data/', import.meta.url));

/**
 * Loads a data set by its name in the catalogue, or any folder in BEIR's format.
 *
 * @param name a name of the catalogue, or one of the caller's own.
 * @param folder where it is; may be left out for the sets that come with the repository.
 * @throws NotFoundError for a set that must be fetched first, with the place to get it.
 */
export async function loadEvaluationSet(name: string, folder?: string): Promise<EvaluationSet> {
  const entry = CATALOGUE.find((candidate) => candidate.name === name);
  const place = folder ?? bundledFolder(name, entry);
  const split = entry?.split ?? 'test';
  const test = await loadBeir(place, split);
  const devSplit = entry ? entry.devSplit : 'dev';
  const dev = devSplit !== undefined && qrelsFile(place, devSplit) ? await loadBeir(place, devSplit) : undefined;
  // A set of one's own under a known name is not measured against the expert's thoughts about another.
  const expert = folder === undefined ? await expertThoughts(entry) : undefined;
  const seen = await splitsThatAreThere(place, entry?.trainedOn ?? []);
  return {
    name,
    // As it was given: a published report should not show somebody's home.
    origin: folder ?? `data/${entry!.bundled}`,
    split,
    documents: test.documents,
    test: judged(test, expert),
    dev: dev && judged(dev, expert),
    slices:
      seen.length > 0 ? [{ name: 'answers unseen in train and dev', queryIds: unseenQueries(test.qrels, seen) }] : [],
    relevantFrom: entry?.relevantFrom ?? 1,
    remarks: [
      ...(entry ? countRemarks(entry, test) : []),
      ...(devSplit === undefined || dev ? [] : [`There is no ${devSplit} split: nothing is chosen on it.`]),
    ],
  };
}

function bundledFolder(name: string, entry: CatalogueEntry | undefined): string {
  if (entry?.bundled === undefined) {
    if (!entry) {
      throw new InvalidInputError(`no such data set: "${name}".`, {
        hint: `Known: ${CATALOGUE.map((known) => known.name).join(', ')}; or give a folder in BEIR's format: ${name}=FOLDER.`,
      });
    }
    throw new NotFoundError(`${entry.title} is not part of the repository and is not fetched by this program.`, {
      hint: `Get it from ${entry.source}, and name its folder: ${name}=FOLDER. Its licence is its publisher's.`,
    });
  }
  const folder = join(DATA, entry.bundled);
  if (existsSync(folder)) return folder;
  throw new NotFoundError(`${entry.title} comes with the repository, but not with this installation.`, {
    where: folder,
    hint: `Clone the repository, or name a folder in BEIR's format: ${name}=FOLDER.`,
  });
}

/** The judgements of a split, plain or compressed; `undefined` where there are none. */
function qrelsFile(folder: string, split: string): string | undefined {
  const path = join(folder, 'qrels', `${split}.tsv`);
  return [path, `${path}.gz`].find(existsSync);
}

async function splitsThatAreThere(folder: string, splits: readonly string[]): Promise<Qrels[]> {
  const files = splits.map((split) => qrelsFile(folder, split)).filter((file) => file !== undefined);
  return Promise.all(files.map(readQrels));
}

function countRemarks({ counts }: CatalogueEntry, { documents, queries, qrels }: RetrievalSet): string[] {
  const judgements = [...qrels.values()].reduce((sum, grades) => sum + grades.size, 0);
  const actual = { documents: documents.length, queries: queries.length, judgements };
  const different = (Object.keys(counts) as (keyof typeof counts)[]).filter((key) => counts[key] !== actual[key]);
  if (different.length === 0) return [];
  const words = different.map((key) => `${actual[key]} ${key} instead of ${counts[key]}`);
  return [`Not the published set: ${words.join(', ')}. Its figures cannot be compared with published ones.`];
}

async function expertThoughts(entry: CatalogueEntry | undefined): Promise<Map<string, string> | undefined> {
  if (!entry?.expert) return undefined;
  const thoughts = new Map<string, string>();
  for (const name of entry.expert) {
    for await (const { text } of readLines(join(DATA, 'expert', name))) {
      // The first is the most likely answer.
      const { _id, thoughts: candidates } = JSON.parse(text) as { _id: string; thoughts: readonly string[] };
      thoughts.set(_id, candidates[0]!);
    }
  }
  return thoughts;
}

/** The expert counts only where there is a thought about every query. */
function judged({ queries, qrels }: RetrievalSet, thoughts: ReadonlyMap<string, string> | undefined): JudgedQueries {
  const whole = thoughts && queries.every(({ id }) => thoughts.has(id));
  return { queries, qrels, expertThoughts: whole ? thoughts : undefined };
}
