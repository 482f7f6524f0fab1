import { uniform } from '../decoder/index.js';
import type { Stage } from './config.js';
import type { JointBatch, QueryExample } from './joint-batch.js';
import type { TrainingExample, TrainingSet } from './training-data.js';

/** What a random number is for: part of its key. */
const PURPOSE = { order: 0, corpusOrder: 1, queryOnly: 2, own: 3, thought: 4, titleOrder: 5 };

/** One step: the joint batch and what it was made of. */
export interface StepBatch extends JointBatch {
  /** Name of the data set. */
  readonly set: string;
  /** Of the queries; a title that is used as one has none. */
  readonly queryIds: readonly (string | undefined)[];
  readonly documentIds: readonly string[];
  /** `<doc> d <emb>`: documents to be read with a language-model loss. */
  readonly corpus: readonly (readonly number[])[];
}

export interface SetBatchesOptions {
  readonly stage: Stage;
  /** The keys of all random numbers begin with these: seed, stage, set. */
  readonly key: readonly number[];
  /** Marks around a thought. */
  readonly tokens: { readonly thought: number; readonly end: number; readonly embedding: number };
  /** The model's own thoughts. Default: none, as before the first of them is written. */
  readonly own?: ReadonlyMap<TrainingExample, readonly (readonly number[])[]> | undefined;
}

/**
 * The batches of one set in a stage. Each follows from the keys and its number alone, so that a resumed run gets the same
 * ones: an epoch is a shuffle keyed by its number, and every other choice is keyed by epoch and query.
 */
export class SetBatches {
  readonly steps: number;
  readonly #set: TrainingSet;
  readonly #options: SetBatchesOptions;
  readonly #orders = new Map<string, number[]>();

  constructor(set: TrainingSet, options: SetBatchesOptions) {
    const { epochs, batch } = options.stage;
    this.#set = set;
    this.#options = options;
    this.steps = Math.floor((epochs * set.examples.length) / batch);
  }

  /** The batch of a step, from 0. */
  at(step: number): StepBatch {
    const { stage } = this.#options;
    const { name, examples, documents, titles } = this.#set;
    const chosen = this.#draws(PURPOSE.order, examples, step, stage.batch);
    const pairs = titles.length > 0 ? this.#draws(PURPOSE.titleOrder, titles, step, stage.titles) : [];
    // A document may stand here twice, whole and without its title.
    const used = new Map<readonly number[], { readonly place: number; readonly document: number }>();
    const placeOf = (document: number, tokens: readonly number[]) => {
      const known = used.get(tokens);
      if (known) return known.place;
      used.set(tokens, { place: used.size, document });
      return used.size - 1;
    };
    const whole = (document: number) => placeOf(document, documents[document]!.tokens);
    const positives = chosen.map(({ item }) => whole(item.positive));
    for (const { item } of pairs) positives.push(placeOf(item.document, item.text));
    const committee = chosen.map(({ item }, i) => {
      const negatives = item.negatives.slice(0, stage.hardNegatives).map(whole);
      if (!item.teacher) return undefined;
      const scores = [item.teacher.positive, ...item.teacher.negatives.slice(0, negatives.length)];
      return { candidates: [positives[i]!, ...negatives], scores };
    });
    const relevant = [...chosen.map(({ item }) => item.relevant), ...pairs.map(({ item }) => new Set([item.document]))];
    const present = [...used.values()].map(({ document }) => document);
    return {
      set: name,
      queries: [
        ...chosen.map(({ item, index, epoch }) => this.#query(item, index, epoch)),
        ...pairs.map(({ item }) => withoutThought(item.title)),
      ],
      documents: [...used.keys()].map((tokens) => ({ tokens })),
      positives,
      // A document that answers a query too is not its negative, with or without its title.
      excluded: (query, document) => relevant[query]!.has(present[document]!),
      committee: [...committee, ...pairs.map(() => undefined)],
      queryIds: [...chosen.map(({ item }) => item.id), ...pairs.map(() => undefined)],
      documentIds: present.map((document) => documents[document]!.id),
      corpus: this.#draws(PURPOSE.corpusOrder, documents, step, stage.corpus?.documents ?? 0).map(
        ({ item }) => item.tokens,
      ),
    };
  }

  #random(purpose: number, epoch: number, index: number): number {
    return uniform(...this.#options.key, purpose, epoch, index);
  }

  /** A step's items, of `count` a step, in epoch after epoch of all items, each epoch in an order of its own. */
  #draws<T>(purpose: number, items: readonly T[], step: number, count: number) {
    return Array.from({ length: count }, (_, i) => {
      const place = step * count + i;
      const epoch = Math.floor(place / items.length);
      const index = this.#order(purpose, items.length, epoch)[place % items.length]!;
      return { item: items[index]!, index, epoch };
    });
  }

  #order(purpose: number, count: number, epoch: number): number[] {
    const key = `${purpose}:${epoch}`;
    let order = this.#orders.get(key);
    if (!order) {
      const keys = Array.from({ length: count }, (_, index) => this.#random(purpose, epoch, index));
      order = [...keys.keys()].sort((a, b) => keys[a]! - keys[b]! || a - b);
      this.#orders.set(key, order);
    }
    return order;
  }

  #query(example: TrainingExample, index: number, epoch: number): QueryExample {
    const { stage, tokens, own } = this.#options;
    const alone = withoutThought(example.tokens);
    if (stage.thoughts === 'none') return alone;
    if (this.#random(PURPOSE.queryOnly, epoch, index) < stage.queryOnlyShare) return alone;
    const written = own?.get(example) ?? [];
    const useOwn = written.length > 0 && this.#random(PURPOSE.own, epoch, index) < (stage.ownThoughts?.share ?? 0);
    const candidates = useOwn ? written : example.thoughts;
    const drawn = Math.floor(this.#random(PURPOSE.thought, epoch, index) * candidates.length);
    return {
      tokens: [...example.tokens, tokens.thought, ...candidates[drawn]!, tokens.end, tokens.embedding],
      instantAt: alone.instantAt,
      // The expert's first thought is the committee's winner; only that one is worth writing.
      cloned: !useOwn && drawn === 0,
    };
  }
}

const withoutThought = (tokens: readonly number[]): QueryExample => ({
  tokens,
  instantAt: tokens.length - 1,
  cloned: false,
});

/** Tokens that a step reads, without padding. */
export function tokensOf({ queries, documents, corpus }: StepBatch): number {
  const sum = (lists: readonly (readonly number[])[]) => lists.reduce((total, { length }) => total + length, 0);
  return sum(queries.map(({ tokens }) => tokens)) + sum(documents.map(({ tokens }) => tokens)) + sum(corpus);
}
