import type { O1Settings } from '../../embedder/index.js';
import type { PassOptions } from '../embed-queries.js';
import type { O1System } from './system-name.js';

/**
 * Temperature of three sampled thoughts where the adapter's own thoughts are greedy. The paper's 0.1 makes near-duplicates; at 0.7
 * thoughts differ and are still fluent.
 */
const SAMPLING_TEMPERATURE = 0.7;

/** How a system's queries are embedded. Systems with equal options share one pass. */
export function passOptions(
  system: Exclude<O1System, 'o1:expert'>,
  settings: Pick<O1Settings, 'thinking'>,
): PassOptions {
  const { thoughts, temperature, topP } = settings.thinking;
  switch (system) {
    case 'o1:k1':
    // The instant vector stands in the record of a query that is thought about too.
    case 'o1:never':
      return { think: 'always', thoughts: 1, temperature: 0 };
    case 'o1:k3':
      return { think: 'always', thoughts: 3, temperature: temperature || SAMPLING_TEMPERATURE, topP, seed: 0 };
    case 'o1:auto':
      // What the adapter does when it thinks.
      if (thoughts === 1 && temperature === 0) return passOptions('o1:k1', settings);
      if (thoughts === 3 && temperature > 0) return passOptions('o1:k3', settings);
      return { think: 'always', thoughts, temperature, topP, seed: 0 };
  }
}

/** A recorded thought. */
export const expertOptions = (thought: string): PassOptions => ({ thought });
