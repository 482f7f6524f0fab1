import type { Handler } from 'hono';
import { streamSSE } from 'hono/streaming';
import type { ServiceEvent } from '../service.js';
import { hitAnswer, projectionAnswer, queryAnswer, toQueryOptions } from './answers.js';
import { errorBody, toApiError } from './api-error.js';
import type { AppEnv, AppParts } from './app-parts.js';
import { readBody } from './read-body.js';
import { type ThoughtsRequest, thoughtsRequest } from './request-schemas.js';
import { waysToThink } from './ways-to-think.js';

/**
 * `POST /v1/thoughts`: server-sent events. `instant` has the hits of the query alone, each `token` what the thought goes on
 * with, `final` what a search would have answered; `error` ends the stream. What is wrong before the first event is the
 * answer's status.
 */
export function thoughtsRoute(parts: AppParts): Handler<AppEnv> {
  const { byDefault } = waysToThink(parts);
  return async (c) => {
    const start = performance.now();
    const body = await readBody(c, thoughtsRequest);
    c.set('queries', [body.query]);
    const gone = new AbortController();
    const signal = AbortSignal.any([c.req.raw.signal, gone.signal]);
    const options = toQueryOptions({ ...body, think: body.think ?? byDefault }, parts.store, signal);
    const events = parts.service.query(body.query, options)[Symbol.asyncIterator]();
    let next = await events.next();
    return streamSSE(c, async (stream) => {
      stream.onAbort(() => gone.abort(new Error('the client has gone')));
      const toMessage = messages(parts, body, start);
      try {
        for (; !next.done; next = await events.next()) {
          const message = await toMessage(next.value);
          if (message) await stream.writeSSE(message);
        }
      } catch (error) {
        if (stream.aborted || signal.aborted) return;
        const apiError = toApiError(error);
        if (apiError.status === 500) parts.log?.error(error);
        await stream.writeSSE({ event: 'error', data: JSON.stringify(errorBody(apiError)) });
      } finally {
        // What broke may have been on this side: then the thought must not be written on for nobody.
        gone.abort(new Error('the answer has ended'));
      }
    });
  };
}

interface Message {
  readonly event: string;
  readonly data: string;
}

/** Turns a query's events into messages of the stream. */
function messages({ store, metrics }: AppParts, { top, projection }: ThoughtsRequest, start: number) {
  let instantIds: readonly { readonly id: string }[] = [];
  const hitsOf = async (vector: Float32Array) => (await store?.search(vector, { k: top }))?.map(hitAnswer);
  const message = (event: string, data: object): Message => ({ event, data: JSON.stringify(data) });
  return async (event: ServiceEvent): Promise<Message | undefined> => {
    if (event.type === 'token') {
      // In the middle of a character there is nothing to show yet.
      return event.text === '' ? undefined : message('token', { sample: event.sample, text: event.text });
    }
    const hits = await hitsOf(event.vector);
    if (event.type === 'instant') {
      instantIds = hits ?? [];
      return message('instant', { ...(hits ? { hits } : {}), prefill_ms: event.prefillMs });
    }
    metrics.answer(event);
    return message('final', {
      ...(hits ? { hits } : {}),
      ...queryAnswer(event, performance.now() - start),
      ...(projection ? { projection: await projectionAnswer(store, [...instantIds, ...(hits ?? [])], event) } : {}),
    });
  };
}
