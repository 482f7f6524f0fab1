import type { O1Settings } from '../../embedder/index.js';
import type { PassOptions } from '../embed-queries.js';
import type { O1System } from './system-name.js';

/**
 * Temperature of three sampled thoughts where the adapter's own thoughts are greedy. The paper's 0.1 makes near-duplicates; at 0.7
 * thoughts differ and are still fluent.
 */
const SAMPLING_TEMPERATURE = 0.7;

/** A system whose thoughts the model writes; `o1:auto` is made of two passes of others. */
export type WritingSystem = 'o1:k1' | 'o1:k3' | 'o1:always';

/** Systems that a pass over the queries is made for. */
export type PassSystem = Exclude<O1System, 'o1:auto'>;

/** The passes that systems need: `auto` decides between two of them, and gains are measured from the instant vector. */
export function passesFor(systems: readonly O1System[]): PassSystem[] {
  const needed = new Set<O1System>(systems);
  if (needed.has('o1:auto')) needed.add('o1:always');
  const rest = (['o1:k1', 'o1:k3', 'o1:always', 'o1:expert'] as const).filter((system) => needed.has(system));
  return needed.size > 0 ? ['o1:never', ...rest] : [];
}

/**
 * How a system's queries are embedded, with nothing left to the adapter's defaults: the options are part of the key that
 * vectors are cached under, and the fingerprint says nothing of them. Systems with equal options share one pass.
 */
export function passOptions(
  system: WritingSystem,
  { thinking, lengths }: Pick<O1Settings, 'thinking' | 'lengths'>,
): PassOptions {
  const { thoughts, temperature, topP, maxTokens = lengths.thought } = thinking;
  const greedy: PassOptions = { think: 'always', thoughts: 1, temperature: 0, maxTokens };
  switch (system) {
    case 'o1:k1':
      return greedy;
    case 'o1:k3':
      return { ...greedy, thoughts: 3, temperature: temperature || SAMPLING_TEMPERATURE, topP, seed: 0 };
    case 'o1:always':
      return thoughts === 1 && temperature === 0 ? greedy : { ...greedy, thoughts, temperature, topP, seed: 0 };
  }
}

/** The instant vector stands in the record of a query that is thought about too: without such a pass there is one of its own. */
export function instantOptions(passes: readonly PassSystem[], settings: Pick<O1Settings, 'thinking' | 'lengths'>) {
  const other = (['o1:k1', 'o1:always', 'o1:k3'] as const).find((system) => passes.includes(system));
  return other ? passOptions(other, settings) : ({ think: 'never' } satisfies PassOptions);
}

/** A recorded thought. */
export const expertOptions = (thought: string): PassOptions => ({ thought });
