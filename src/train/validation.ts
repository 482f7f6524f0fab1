import { uniform } from '../decoder/index.js';
import { dot, normalise } from '../embedder/index.js';
import { throwIfAborted } from '../errors.js';
import { mean, ndcg, type Run } from '../metrics/index.js';
import { packSequences } from './packing.js';
import type { TrainingDocument, ValidationData } from './training-data.js';
import type { TrainingModel } from './training-model.js';

/** A set's development split, with the documents to rank among. */
export interface ValidationSet extends ValidationData {
  readonly name: string;
  readonly documents: readonly TrainingDocument[];
}

/** Several development splits as one: every query is ranked among the documents of all sets. */
export function together(sets: readonly ValidationSet[]): ValidationSet {
  const qualified = (name: string, id: string) => `${name}/${id}`;
  const grades = ({ name, qrels }: ValidationSet) =>
    [...qrels].map(
      ([query, judged]) =>
        [
          qualified(name, query),
          new Map([...judged].map(([document, grade]) => [qualified(name, document), grade])),
        ] as const,
    );
  const renamed = <T extends { readonly id: string }>(name: string, items: readonly T[]) =>
    items.map((item) => ({ ...item, id: qualified(name, item.id) }));
  return {
    name: sets.map(({ name }) => name).join(', '),
    queries: sets.flatMap(({ name, queries }) => renamed(name, queries)),
    documents: sets.flatMap(({ name, documents }) => renamed(name, documents)),
    qrels: new Map(sets.flatMap(grades)),
  };
}

export interface ValidationOptions {
  /** Places that go through the decoder at once. */
  readonly maxTokens: number;
  readonly signal?: AbortSignal | undefined;
}

/**
 * The documents to rank among: all that are judged for a query, and others up to `count`, drawn with a fixed key, so that
 * figures of different runs can be compared.
 */
export function validationDocuments(
  documents: readonly TrainingDocument[],
  { qrels }: ValidationData,
  count = Number.POSITIVE_INFINITY,
): TrainingDocument[] {
  const judged = new Set([...qrels.values()].flatMap((grades) => [...grades.keys()]));
  const rank = (place: number) => (judged.has(documents[place]!.id) ? -1 : uniform(place));
  const order = [...documents.keys()].sort((a, b) => rank(a) - rank(b) || a - b);
  return order.slice(0, Math.max(count, judged.size)).map((place) => documents[place]!);
}

/** nDCG@10 of the instant vectors, queries and documents embedded by the current weights in fp32. */
export async function validateInstant(
  model: TrainingModel,
  { queries, qrels, documents }: Omit<ValidationSet, 'name'>,
  options: ValidationOptions,
): Promise<number> {
  const vectors = await embed(
    model,
    [...queries, ...documents].map(({ tokens }) => tokens),
    options,
  );
  const run: Run = new Map(
    queries.map(({ id }, i) => [
      id,
      documents.map((document, j) => ({ id: document.id, score: dot(vectors[i]!, vectors[queries.length + j]!) })),
    ]),
  );
  return mean(ndcg(run, qrels, 10));
}

/** Unit vectors at the last tokens. */
async function embed(
  model: TrainingModel,
  rows: readonly (readonly number[])[],
  { maxTokens, signal }: ValidationOptions,
): Promise<Float32Array[]> {
  const { hiddenSize } = model.config;
  const sequences = rows.map((tokens) => ({ tokens, selected: [tokens.length - 1] }));
  const vectors = new Array<Float32Array>(rows.length);
  const lengths = rows.map(({ length }) => length);
  for (const part of packSequences(lengths, maxTokens)) {
    throwIfAborted(signal);
    const hidden = await model.hidden(part, sequences);
    part.placements.forEach(({ sequence }, i) => {
      vectors[sequence] = normalise(hidden.subarray(i * hiddenSize, (i + 1) * hiddenSize));
    });
  }
  return vectors;
}
