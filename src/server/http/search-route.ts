import type { Handler } from 'hono';
import { queryEmbedding } from '../service.js';
import { hitAnswer, queryAnswer, toQueryOptions } from './answers.js';
import { ApiError } from './api-error.js';
import type { AppEnv, AppParts } from './app-parts.js';
import { readBody } from './read-body.js';
import { searchRequest } from './request-schemas.js';

/** `POST /v1/search`: the best documents of the server's index, and how the query was embedded. */
export function searchRoute({ service, store, metrics }: AppParts): Handler<AppEnv> {
  return async (c) => {
    const start = performance.now();
    const { query, top, ...how } = await readBody(c, searchRequest);
    if (!store) {
      const message = 'This server has no index to search. Start it with a folder: o1-embedder serve ./docs';
      throw new ApiError(404, message, { code: 'no_index' });
    }
    c.set('queries', [query]);
    const event = await queryEmbedding(service, query, toQueryOptions(how, store, c.req.raw.signal));
    metrics.answer(event);
    const hits = await store.search(event.vector, { k: top });
    return c.json({ hits: hits.map(hitAnswer), ...queryAnswer(event, performance.now() - start) });
  };
}
