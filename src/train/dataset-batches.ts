import { uniform } from '../decoder/index.js';
import { InvalidInputError } from '../errors.js';
import type { Stage } from './config.js';
import type { JointBatch, QueryExample } from './joint-batch.js';
import type { TrainingData, TrainingExample } from './training-data.js';

/** What a random number is for: part of its key. */
const PURPOSE = { order: 0, corpusOrder: 1, queryOnly: 2, own: 3, thought: 4 };

/** One step: the joint batch and what it was made of. */
export interface StepBatch extends JointBatch {
  readonly queryIds: readonly string[];
  readonly documentIds: readonly string[];
  /** `<doc> d <emb>`: documents to be read with a language-model loss. */
  readonly corpus: readonly (readonly number[])[];
}

export interface StageBatchesOptions {
  readonly stage: Stage;
  /** Place of the stage in the recipe: part of the keys of its random numbers. */
  readonly index: number;
  readonly seed: number;
  /** Marks around a thought. */
  readonly tokens: { readonly thought: number; readonly end: number; readonly embedding: number };
  /** The model's own thoughts by query id. Default: none, as before the first of them is written. */
  readonly own?: ReadonlyMap<string, readonly (readonly number[])[]> | undefined;
}

/**
 * The batches of a stage. Each follows from the seed and its number alone, so that a resumed run gets the same ones: an
 * epoch is a shuffle keyed by its number, and every other choice is keyed by epoch and query.
 */
export class StageBatches {
  readonly steps: number;
  readonly #data: TrainingData;
  readonly #options: StageBatchesOptions;
  readonly #orders = new Map<string, number[]>();

  constructor(data: TrainingData, options: StageBatchesOptions) {
    const { stage } = options;
    const queries = data.examples.length;
    this.#data = data;
    this.#options = options;
    this.steps = Math.floor((stage.epochs * queries) / stage.batch);
    if (this.steps === 0) {
      throw new InvalidInputError(
        `${stage.epochs} epochs of ${queries} queries do not fill one batch of ${stage.batch}`,
        { where: `stages.${options.index}.batch` },
      );
    }
  }

  /** The batch of a step, from 0. */
  at(step: number): StepBatch {
    const { stage } = this.#options;
    const { examples, documents } = this.#data;
    const chosen = Array.from({ length: stage.batch }, (_, i) => {
      const { epoch, item } = this.#draw(PURPOSE.order, examples.length, step * stage.batch + i);
      return { example: examples[item]!, item, epoch };
    });
    const places = new Map<number, number>();
    const placeOf = (document: number) => {
      if (!places.has(document)) places.set(document, places.size);
      return places.get(document)!;
    };
    const positives = chosen.map(({ example }) => placeOf(example.positive));
    for (const { example } of chosen) {
      for (const negative of example.negatives.slice(0, stage.hardNegatives)) placeOf(negative);
    }
    const used = [...places.keys()];
    const corpus = Array.from({ length: stage.corpus?.documents ?? 0 }, (_, i) => {
      const { item } = this.#draw(PURPOSE.corpusOrder, documents.length, step * stage.corpus!.documents + i);
      return documents[item]!.tokens;
    });
    return {
      queries: chosen.map(({ example, item, epoch }) => this.#query(example, item, epoch)),
      documents: used.map((document) => ({ tokens: documents[document]!.tokens })),
      positives,
      // A document that answers a query too is not its negative.
      excluded: (query, document) => chosen[query]!.example.relevant.has(used[document]!),
      queryIds: chosen.map(({ example }) => example.id),
      documentIds: used.map((document) => documents[document]!.id),
      corpus,
    };
  }

  #random(purpose: number, epoch: number, item: number): number {
    const { seed, index } = this.#options;
    return uniform(seed, index, purpose, epoch, item);
  }

  /** The item at a place in epoch after epoch of `count` items, each in an order of its own. */
  #draw(purpose: number, count: number, place: number): { epoch: number; item: number } {
    const epoch = Math.floor(place / count);
    const key = `${purpose}:${epoch}`;
    let order = this.#orders.get(key);
    if (!order) {
      const keys = Array.from({ length: count }, (_, item) => this.#random(purpose, epoch, item));
      order = [...keys.keys()].sort((a, b) => keys[a]! - keys[b]! || a - b);
      this.#orders.set(key, order);
    }
    return { epoch, item: order[place % count]! };
  }

  #query(example: TrainingExample, item: number, epoch: number): QueryExample {
    const { stage, tokens, own } = this.#options;
    const instantAt = example.tokens.length - 1;
    const alone = { tokens: example.tokens, instantAt, cloned: false };
    if (stage.thoughts === 'none') return alone;
    if (this.#random(PURPOSE.queryOnly, epoch, item) < stage.queryOnlyShare) return alone;
    const written = own?.get(example.id) ?? [];
    const useOwn = written.length > 0 && this.#random(PURPOSE.own, epoch, item) < (stage.ownThoughts?.share ?? 0);
    const candidates = useOwn ? written : example.thoughts;
    const thought = candidates[Math.floor(this.#random(PURPOSE.thought, epoch, item) * candidates.length)]!;
    return {
      tokens: [...example.tokens, tokens.thought, ...thought, tokens.end, tokens.embedding],
      instantAt,
      cloned: !useOwn,
    };
  }
}

/** Tokens that a step reads, without padding. */
export function tokensOf({ queries, documents, corpus }: StepBatch): number {
  const sum = (lists: readonly (readonly number[])[]) => lists.reduce((total, { length }) => total + length, 0);
  return sum(queries.map(({ tokens }) => tokens)) + sum(documents.map(({ tokens }) => tokens)) + sum(corpus);
}
