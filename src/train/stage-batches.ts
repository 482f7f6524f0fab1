import { uniform } from '../decoder/index.js';
import { InvalidInputError } from '../errors.js';
import { SetBatches, type SetBatchesOptions, type StepBatch } from './set-batches.js';
import { takesPart } from './stage-config.js';
import type { TrainingData } from './training-data.js';

export interface StageBatchesOptions extends Pick<SetBatchesOptions, 'stage' | 'tokens' | 'own'> {
  /** Place of the stage in the recipe: part of the keys of its random numbers. */
  readonly index: number;
  readonly seed: number;
}

/** The batches of a stage: those of its sets, in a mixed order that follows from the seed. */
export class StageBatches {
  readonly steps: number;
  readonly #sets: readonly SetBatches[];
  /** For each step, whose it is, and which one among those of its set. */
  readonly #plan: readonly { readonly set: number; readonly step: number }[];

  constructor({ sets }: TrainingData, { index, seed, ...options }: StageBatchesOptions) {
    const { epochs, batch, titles } = options.stage;
    // The keys hold a set's place among all, so that a set's batches do not depend on which others are trained.
    const chosen = [...sets.entries()].filter(([, { name }]) => takesPart(options.stage, name));
    this.#sets = chosen.map(([place, set]) => new SetBatches(set, { ...options, key: [seed, index, place] }));
    for (const [i, [, { name, examples }]] of chosen.entries()) {
      if (this.#sets[i]!.steps > 0) continue;
      throw new InvalidInputError(
        `${epochs} epochs of ${examples.length} queries ("${name}") do not fill one batch of ${batch}`,
        { where: `stages.${index}.batch` },
      );
    }
    if (titles > 0 && chosen.every(([, set]) => set.titles.length === 0)) {
      throw new InvalidInputError('asks for title pairs, but no set has any', {
        where: `stages.${index}.titles`,
        hint: 'Set "titles": true in a set whose documents have titles.',
      });
    }
    this.#plan = mixed(
      this.#sets.map(({ steps }) => steps),
      [seed, index],
    );
    this.steps = this.#plan.length;
  }

  /** The batch of a step, from 0. */
  at(step: number): StepBatch {
    const own = this.#plan[step]!;
    return this.#sets[own.set]!.at(own.step);
  }
}

/** Shuffles the steps of several sets; those of one set stay in their order. */
function mixed(counts: readonly number[], key: readonly number[]) {
  const owners = counts.flatMap((count, set) => new Array<number>(count).fill(set));
  const keys = owners.map((_, i) => uniform(...key, i));
  const order = [...keys.keys()].sort((a, b) => keys[a]! - keys[b]! || a - b);
  const taken = counts.map(() => 0);
  return order.map((i) => {
    const set = owners[i]!;
    return { set, step: taken[set]!++ };
  });
}
