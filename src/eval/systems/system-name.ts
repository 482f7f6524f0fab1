import { InvalidInputError } from '../../errors.js';

/** What can be measured, alone or fused with BM25. */
export type BaseSystem = 'bm25' | O1System | `encoder:${string}`;

/**
 * The thinking embedder: its instant vector; one greedy thought; three sampled ones; its adapter's own way to think; the
 * instant vector or that way, as a rule decides; a recorded thought of an external expert.
 */
export type O1System = 'o1:never' | 'o1:k1' | 'o1:k3' | 'o1:always' | 'o1:auto' | 'o1:expert';

export interface SystemSpec {
  /** As it stands in results: `o1:k1`, `o1:k1+bm25`. */
  readonly name: string;
  readonly base: BaseSystem;
  readonly fused: boolean;
}

/** Those with thoughts of their own or of others, in the order of reports. */
export const THINKING_SYSTEMS: readonly O1System[] = ['o1:k1', 'o1:k3', 'o1:always', 'o1:auto', 'o1:expert'];

export const O1_SYSTEMS: readonly O1System[] = ['o1:never', ...THINKING_SYSTEMS];

const FUSED = '+bm25';

/** The systems of names such as `bm25`, `encoder:all-minilm-l6-v2`, `o1:k1`, `o1:auto+bm25`. */
export function parseSystems(names: readonly string[]): SystemSpec[] {
  const specs = [...new Set(names)].map(parseSystem);
  if (specs.length === 0) throw new InvalidInputError('expected at least one system, got none.');
  return specs;
}

function parseSystem(name: string): SystemSpec {
  const fused = name.endsWith(FUSED);
  const base = fused ? name.slice(0, -FUSED.length) : name;
  const known =
    (base === 'bm25' && !fused) || /^encoder:.+$/.test(base) || (O1_SYSTEMS as readonly string[]).includes(base);
  if (known) return { name, base: base as BaseSystem, fused };
  throw new InvalidInputError(`no such system: ${JSON.stringify(name)}.`, {
    hint: `Known: bm25, encoder:<model>, ${O1_SYSTEMS.join(', ')}; each but bm25 also fused with it: o1:k1${FUSED}.`,
  });
}

/** BM25, an encoder and all of the thinking embedder, each alone and fused. */
export function defaultSystems(encoders: readonly string[]): string[] {
  const alone = [...encoders.map((encoder) => `encoder:${encoder}`), ...O1_SYSTEMS];
  return ['bm25', ...alone, ...alone.map((name) => name + FUSED)];
}
