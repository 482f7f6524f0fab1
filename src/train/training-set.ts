import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Tokenizer } from '../decoder/index.js';
import { Sequences } from '../embedder/index.js';
import { InvalidInputError } from '../errors.js';
import type { Qrels } from '../metrics/index.js';
import { documentText, loadBeir, type RetrievalSet, readLines } from '../search/index.js';
import type { DataSet, Recipe } from './config.js';
import { takesPart } from './stage-config.js';
import type { SequenceSettings, TitlePair, TrainingExample, TrainingSet, ValidationData } from './training-data.js';
import { readNegatives, readThoughts } from './training-records.js';

/** Reads, checks and tokenises one of the recipe's sets. */
export async function loadTrainingSet(
  recipe: Recipe,
  index: number,
  tokenizer: Tokenizer,
  settings: SequenceSettings,
): Promise<TrainingSet> {
  const source = recipe.data[index]!;
  const { name, folder, split } = source;
  const sequences = new Sequences(tokenizer, settings);
  const set = await loadBeir(folder, split);
  const documents = set.documents.map((record) => {
    const text = documentText(record);
    return { id: record.id, text, tokens: sequences.document(text).ids };
  });
  const places = new Map(documents.map(({ id }, place) => [id, place]));
  await checkQrels(folder, split, set.qrels, places);
  const stage = recipe.stages.findIndex((one) => one.thoughts === 'expert' && takesPart(one, name));
  const needed = { index, stage, queries: new Set(set.queries.map(({ id }) => id)) };
  const thoughts = stage < 0 ? undefined : await readThoughts(source, needed, tokenizer, settings);
  const distils = recipe.loss.distillation !== undefined;
  if (distils && !source.negatives) {
    throw new InvalidInputError("expected a file of negatives with the committee's scores: the recipe distils them", {
      where: `data.${index}.negatives`,
      hint: 'Name one, or take "distillation" out of "loss".',
    });
  }
  const negatives = source.negatives ? await readNegatives(source.negatives, places, distils) : undefined;
  const examples = set.queries.map((query): TrainingExample => {
    const { id, text } = query;
    return {
      id,
      text,
      tokens: withoutThoughtMark(sequences.query(text)),
      ...positivesOf(source, set.qrels, id, places),
      ...(negatives
        ? ofQuery(negatives, id, { what: 'negatives', split, where: source.negatives! })
        : { negatives: [], teacher: undefined }),
      thoughts: thoughts ? ofQuery(thoughts.byQuery, id, { what: 'thoughts', split, where: source.thoughts! }) : [],
    };
  });
  const validates = recipe.validation && takesPart(recipe.validation, name);
  return {
    name,
    examples,
    documents,
    titles: source.titles ? titlePairs(set, sequences) : [],
    validation: validates ? await loadValidation(folder, recipe.validation!.split, sequences, places) : undefined,
    cutThoughts: thoughts?.cut ?? 0,
  };
}

/** What a file has for a query. */
function ofQuery<T>(
  byQuery: ReadonlyMap<string, T>,
  id: string,
  { what, split, where }: { what: string; split: string; where: string },
): T {
  const found = byQuery.get(id);
  if (found === undefined) {
    throw new InvalidInputError(`has no ${what} for query "${id}" of the split "${split}"`, { where });
  }
  return found;
}

/** The documents that answer a query, and the one of the highest grade. */
function positivesOf({ folder, split }: DataSet, qrels: Qrels, id: string, places: ReadonlyMap<string, number>) {
  const grades = [...qrels.get(id)!].filter(([, grade]) => grade > 0);
  const [best] = [...grades].sort((a, b) => b[1] - a[1]);
  if (!best) {
    throw new InvalidInputError(`query "${id}" has no document of grade 1 or more`, {
      where: qrelsFile(folder, split),
    });
  }
  return {
    positive: places.get(best[0])!,
    relevant: new Set(grades.map(([document]) => places.get(document)!)),
  };
}

/** Documents without a title or without a text beside it make no pair. */
function titlePairs({ documents }: RetrievalSet, sequences: Sequences): TitlePair[] {
  return documents.flatMap(({ title, text }, document) =>
    title?.trim() && text.trim()
      ? [{ document, title: withoutThoughtMark(sequences.query(title)), text: sequences.document(text).ids }]
      : [],
  );
}

/** `<query> q <emb>`, of what is read before a thought is written. */
const withoutThoughtMark = ({ ids, embeddingAt }: { ids: readonly number[]; embeddingAt: number }) =>
  ids.slice(0, embeddingAt + 1);

async function loadValidation(
  folder: string,
  split: string,
  sequences: Sequences,
  places: ReadonlyMap<string, number>,
): Promise<ValidationData> {
  const { queries, qrels } = await loadBeir(folder, split);
  await checkQrels(folder, split, qrels, places);
  return {
    queries: queries.map(({ id, text }) => ({ id, text, tokens: withoutThoughtMark(sequences.query(text)) })),
    qrels,
  };
}

function qrelsFile(folder: string, split: string): string {
  const path = join(folder, 'qrels', `${split}.tsv`);
  return existsSync(path) ? path : `${path}.gz`;
}

/** Every judged document must be there: a positive that is missing cannot be trained on. */
async function checkQrels(
  folder: string,
  split: string,
  qrels: Qrels,
  places: ReadonlyMap<string, number>,
): Promise<void> {
  for (const grades of qrels.values()) {
    for (const id of grades.keys()) {
      if (places.has(id)) continue;
      const file = qrelsFile(folder, split);
      // The line is looked for only now that something is wrong.
      for await (const { text, where } of readLines(file)) {
        if (text.split('\t')[1] === id) throw new InvalidInputError(`document "${id}" is not in the corpus`, { where });
      }
    }
  }
}
