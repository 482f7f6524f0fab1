import type { O1Settings } from '../embedder/index.js';
import { documentText } from '../search/index.js';
import type { EvaluationSet } from './data-sets/evaluation-set.js';
import type { PassOptions } from './embed-queries.js';
import { O1_SYSTEMS, parseSystems } from './systems/system-name.js';
import { instantOptions, passesFor, passOptions } from './systems/thinking-passes.js';

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
/** Reading a query, with a given thought or without one. */
const READING_SECONDS = 0.06;
/** A step writes one token of every thought: what it costs in any case, and what each thought adds. */
const STEP_SECONDS = 0.004;
const STEP_SECONDS_A_THOUGHT = 0.0043;
/** Where the limit leaves them room: thoughts end by themselves. */
const THOUGHT_TOKENS = 40;

/**
 * Seconds that an evaluation takes where nothing is cached.
 *
 * @param o1 settings of the thinking embedder; may be left out where no system asks for it.
 */
export function estimateSeconds(
  sets: readonly EvaluationSet[],
  systems: readonly string[],
  o1?: Pick<O1Settings, 'thinking' | 'lengths'>,
): number {
  const bases = new Set(parseSystems(systems).map(({ base }) => base));
  const passes = passesFor(O1_SYSTEMS.filter((system) => bases.has(system)));
  // Equal passes are one.
  const own = new Map<string, PassOptions>();
  for (const pass of o1 ? passes : []) {
    if (pass === 'o1:expert') continue;
    const options = pass === 'o1:never' ? instantOptions(passes, o1!) : passOptions(pass, o1!);
    own.set(JSON.stringify(options), options);
  }
  const ownSeconds = [...own.values()].reduce((sum, options) => sum + querySeconds(options), 0);
  const encoders = [...bases].filter((base) => base.startsWith('encoder:')).length;
  let seconds = 0;
  for (const { documents, test, dev } of sets) {
    const queries = test.queries.length + (dev?.queries.length ?? 0);
    const tokens = (limit: number) =>
      documents.reduce((sum, record) => sum + Math.min(limit, documentText(record).length / CHARACTERS_PER_TOKEN), 0);
    if (o1 && passes.length > 0) seconds += tokens(o1.lengths.document) / O1_TOKENS_PER_SECOND;
    seconds += queries * ownSeconds;
    if (passes.includes('o1:expert') && test.expertThoughts) seconds += queries * READING_SECONDS;
    seconds += encoders * (tokens(ENCODER_MAX_TOKENS) / ENCODER_TOKENS_PER_SECOND + queries * ENCODER_QUERY_SECONDS);
  }
  return seconds;
}

function querySeconds({ think, thoughts = 1, maxTokens = THOUGHT_TOKENS }: PassOptions): number {
  if (think === 'never') return READING_SECONDS;
  const step = STEP_SECONDS + thoughts * STEP_SECONDS_A_THOUGHT;
  return READING_SECONDS + Math.min(maxTokens, THOUGHT_TOKENS) * step;
}
