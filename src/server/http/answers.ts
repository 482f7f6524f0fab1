import type { QueryOptions } from '../../embedder/index.js';
import type { SearchHit, VectorStore } from '../../search/index.js';
import { instantScoresOf } from '../instant-scores.js';
import { project } from '../projection.js';
import type { ServiceEvent } from '../service.js';
import type { SearchRequest } from './request-schemas.js';

/** What the HTTP server needs of an index. */
export type SearchableStore = Pick<VectorStore, 'search' | 'get'>;

type FinalEvent = Extract<ServiceEvent, { type: 'final' }>;

/** The embedder's options for a search or a thought. */
export function toQueryOptions(
  { think, thoughts, temperature, seed, max_tokens, deadline_ms, thought }: Omit<SearchRequest, 'query' | 'top'>,
  store: SearchableStore | undefined,
  signal: AbortSignal,
): QueryOptions {
  return {
    ...{ think, thoughts, temperature, seed, thought, signal },
    maxTokens: max_tokens,
    deadlineMs: deadline_ms,
    ...(store ? { instantScores: instantScoresOf(store) } : {}),
  };
}

/** How a query was embedded, as search and thoughts answer it. */
export function queryAnswer(event: FinalEvent, totalMs: number) {
  return {
    basis: event.basis,
    thoughts: event.thoughts.map(({ sample, text, finishReason, logProbability }) => ({
      sample,
      text,
      finish_reason: finishReason,
      log_probability: logProbability,
    })),
    ...(event.decision ? { decision: event.decision } : {}),
    deadline_reached: event.deadlineReached,
    truncated: event.truncated,
    cached: event.cached ?? false,
    timings: { prefill_ms: event.timings.prefillMs, think_ms: event.timings.thinkMs, total_ms: totalMs },
  };
}

export const hitAnswer = ({ id, title, text, score, metadata }: SearchHit) => ({
  id,
  ...(title === undefined ? {} : { title }),
  text,
  score,
  ...(metadata === undefined ? {} : { metadata }),
});

/** Places of the hits and of both vectors of the query in a plane. */
export async function projectionAnswer(
  store: SearchableStore | undefined,
  hits: readonly { readonly id: string }[],
  { instant, vector }: FinalEvent,
) {
  const ids = [...new Set(hits.map(({ id }) => id))];
  const documents = store ? [...(await store.get(ids)).values()] : [];
  const named = [
    ...documents.map(({ id, vector }) => ({ id, kind: 'document' as const, vector })),
    { id: 'instant', kind: 'instant' as const, vector: instant },
    { id: 'final', kind: 'final' as const, vector },
  ];
  const places = project(named.map(({ vector }) => vector));
  return { points: named.map(({ id, kind }, i) => ({ id, x: places[i]![0], y: places[i]![1], kind })) };
}
