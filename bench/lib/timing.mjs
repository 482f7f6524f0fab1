/**
 * Timing on a machine whose speed drifts: the contestants of one comparison take turns (A B C, A B C, ...), so that a
 * slow minute hits all of them, and the median of each is taken.
 */
import { median } from './stats.mjs';

/**
 * Milliseconds one call takes.
 * @param {() => unknown} work
 * @returns {Promise<number>}
 */
export async function timed(work) {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

/**
 * Runs the contestants in turns and gives the median of what each reported.
 *
 * A contestant that is `undefined` (a peer that is not installed) is left out, and its result is null.
 *
 * @template {Record<string, (() => Promise<number>) | undefined>} Contestants
 * @param {Contestants} contestants each measures one repetition and returns its figure
 * @param {{ warmUp?: number, repetitions?: number }} [options] `warmUp` rounds (1 by default) are thrown away,
 * `repetitions` (5 by default) are kept
 * @returns {Promise<{ [Name in keyof Contestants]: undefined extends Contestants[Name] ? number | null : number }>}
 */
export async function takeTurns(contestants, { warmUp = 1, repetitions = 5 } = {}) {
  /** @type {Map<string, number[]>} */
  const samples = new Map();
  for (let round = 0; round < warmUp + repetitions; round++) {
    for (const [name, measure] of Object.entries(contestants)) {
      if (measure === undefined) continue;
      const figure = await measure();
      if (round >= warmUp) samples.set(name, [...(samples.get(name) ?? []), figure]);
    }
  }
  /** @type {any} The keys are the contestants' own, which `Object.fromEntries` cannot know. */
  const medians = Object.fromEntries(
    Object.keys(contestants).map((name) => {
      const figures = samples.get(name);
      return [name, figures === undefined ? null : median(figures)];
    }),
  );
  return medians;
}

/**
 * The setting with which a peer is quickest: each is tried twice after a warm-up, and the better try counts.
 *
 * @template Setting
 * @param {readonly Setting[]} candidates
 * @param {(setting: Setting) => Promise<number>} rate a figure of which more is better
 * @returns {Promise<{ best: Setting, rates: { setting: Setting, rate: number }[] }>}
 */
export async function bestSetting(candidates, rate) {
  const rates = [];
  for (const setting of candidates) {
    await rate(setting);
    rates.push({ setting, rate: Math.max(await rate(setting), await rate(setting)) });
  }
  rates.sort((a, b) => b.rate - a.rate);
  const [first] = rates;
  if (first === undefined) throw new Error('bestSetting: expected at least one setting to try, got none');
  return { best: first.setting, rates };
}
