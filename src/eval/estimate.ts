import { documentText } from '../search/index.js';
import type { EvaluationSet } from './data-sets/evaluation-set.js';
import { O1_SYSTEMS, type O1System, parseSystems } from './systems/system-name.js';

/**
 * Speeds on two quiet cores of a server processor with AVX2: SmolLM2-135M in int8, a MiniLM of six layers in fp32. Rough: the
 * estimate says minutes or hours, not more.
 */
const O1_TOKENS_PER_SECOND = 2000;
const ENCODER_TOKENS_PER_SECOND = 6000;
const ENCODER_MAX_TOKENS = 256;
const ENCODER_QUERY_SECONDS = 0.01;
/** English prose and code. */
const CHARACTERS_PER_TOKEN = 4;
/** Seconds of one query; `o1:never` and `o1:auto` use the thoughts of another pass. */
const PASS_SECONDS: Readonly<Partial<Record<O1System, number>>> = { 'o1:k1': 0.3, 'o1:k3': 0.5, 'o1:expert': 0.06 };

/** Seconds that an evaluation takes where nothing is cached. @param documentTokens limit of the embedder's length policy. */
export function estimateSeconds(
  sets: readonly EvaluationSet[],
  systems: readonly string[],
  documentTokens: number,
): number {
  const bases = new Set(parseSystems(systems).map(({ base }) => base));
  const passes = new Set<O1System>(O1_SYSTEMS.filter((system) => bases.has(system)));
  // Instant vectors come from the pass of one thought.
  if (passes.size > 0) passes.add('o1:k1');
  const encoders = [...bases].filter((base) => base.startsWith('encoder:')).length;
  let seconds = 0;
  for (const { documents, test, dev } of sets) {
    const queries = test.queries.length + (dev?.queries.length ?? 0);
    const tokens = (limit: number) =>
      documents.reduce((sum, record) => sum + Math.min(limit, documentText(record).length / CHARACTERS_PER_TOKEN), 0);
    if (passes.size > 0) seconds += tokens(documentTokens) / O1_TOKENS_PER_SECOND;
    for (const pass of passes) {
      if (pass !== 'o1:expert' || test.expertThoughts) seconds += queries * (PASS_SECONDS[pass] ?? 0);
    }
    seconds += encoders * (tokens(ENCODER_MAX_TOKENS) / ENCODER_TOKENS_PER_SECOND + queries * ENCODER_QUERY_SECONDS);
  }
  return seconds;
}
