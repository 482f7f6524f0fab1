import { InvalidInputError } from '../../errors.js';
import { bestPositions } from '../committee/index.js';
import { seededOrder } from '../seeded.js';

export interface NegativeSettings {
  /**
   * Ranks of a member from which negatives come, the first and the last, counted with the positives in their places. Default
   * [2, 100]: a member's first hit is the likeliest of all to be an answer that nobody has judged, and beyond 100 documents are easy.
   */
  readonly ranks: readonly [number, number];
  /** Negatives of a query. Default 15, as the paper. */
  readonly count: number;
  /**
   * A document whose teacher score is over this share of the positive's counts as a near-positive and is left out. Default 0.95, which
   * NV-Retriever (arXiv 2407.15831) found best.
   */
  readonly share: number;
  /** `sample`: drawn from all that are eligible. `top`: those with the highest teacher score. Default sample. */
  readonly pick: 'sample' | 'top';
  /** Of the drawing. Default 0. */
  readonly seed: number;
}

export const NEGATIVE_DEFAULTS: NegativeSettings = { ranks: [2, 100], count: 15, share: 0.95, pick: 'sample', seed: 0 };

/** @throws InvalidInputError for ranks, a count or a share that make no sense. */
export function negativeSettings(options: Partial<NegativeSettings>): NegativeSettings {
  const { ranks, count, share, pick, seed } = NEGATIVE_DEFAULTS;
  const settings: NegativeSettings = {
    ranks: options.ranks ?? ranks,
    count: options.count ?? count,
    share: options.share ?? share,
    pick: options.pick ?? pick,
    seed: options.seed ?? seed,
  };
  const [first, last] = settings.ranks;
  if (!(Number.isInteger(first) && Number.isInteger(last) && first >= 1 && last >= first)) {
    throw new InvalidInputError(
      `ranks must be two whole numbers from 1 up, the first not above the last, got ${first} and ${last}.`,
    );
  }
  if (!(Number.isInteger(settings.count) && settings.count >= 1)) {
    throw new InvalidInputError(`count must be a whole number from 1 up, got ${settings.count}.`);
  }
  if (!(settings.share > 0)) throw new InvalidInputError(`share must be above 0, got ${settings.share}.`);
  return settings;
}

export interface ChosenNegatives {
  /** Positions in the corpus, by teacher score, best first. */
  readonly negatives: readonly number[];
  /** Documents within the ranks that were left out as near-positives. */
  readonly nearPositives: number;
}

/**
 * Chooses the hard negatives of one query.
 *
 * @param query its id: part of the seed
 * @param miners scores of the corpus by each member that looks for negatives
 * @param teacher the committee's mean cosine of every document
 * @param positives positions of the relevant documents; the mean of their teacher scores is what near-positives are measured by
 * @param copies positions of documents that say the same as a relevant one: they are relevant too, judged or not
 */
export function chooseNegatives(
  query: string,
  miners: readonly Float64Array[],
  teacher: Float64Array,
  { positives, copies }: { readonly positives: readonly number[]; readonly copies: readonly number[] },
  settings: NegativeSettings,
): ChosenNegatives {
  const { ranks, count, share, pick, seed } = settings;
  const [first, last] = ranks;
  const pool = new Set(miners.flatMap((scores) => bestPositions(scores, last).slice(first - 1)));
  for (const positive of [...positives, ...copies]) pool.delete(positive);
  const likeness = meanAt(teacher, positives);
  // Of a positive below 0 a share would be above it.
  const limit = likeness > 0 ? share * likeness : likeness;
  const eligible = [...pool].filter((position) => teacher[position]! <= limit);
  const byTeacher = (a: number, b: number) => teacher[b]! - teacher[a]! || a - b;
  const drawn =
    pick === 'top'
      ? eligible.sort(byTeacher)
      : seededOrder(
          eligible.map((position) => ({ id: String(position), position })),
          seed,
          query,
        ).map(({ position }) => position);
  return { negatives: drawn.slice(0, count).sort(byTeacher), nearPositives: pool.size - eligible.length };
}

/** Mean of some of the values. */
export const meanAt = (values: Float64Array, positions: readonly number[]): number =>
  positions.reduce((sum, position) => sum + values[position]!, 0) / positions.length;
