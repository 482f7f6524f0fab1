import { Hono } from 'hono';
import { secureHeaders } from 'hono/secure-headers';
import { streamSSE } from 'hono/streaming';
import type { VectorStore } from '../../src/search/index.js';
import type { EmbeddingService } from '../../src/server/index.js';
import { playgroundAssets, playgroundPage } from '../../src/server/playground/index.js';
import { project } from '../../src/server/projection.js';

/** The part of the HTTP interface that the playground needs. */
export async function contractApp(service: EmbeddingService, store?: VectorStore): Promise<Hono> {
  const app = new Hono();
  app.use(secureHeaders({ contentSecurityPolicy: { defaultSrc: ["'self'"] } }));
  app.get('/', async (c) => c.html(await playgroundPage()));
  for (const { path, contentType, body } of await playgroundAssets()) {
    app.get(path, (c) => c.body(body, 200, { 'content-type': contentType }));
  }
  app.get('/v1/models', (c) => c.json({ object: 'list', data: [{ id: service.modelName }] }));
  app.post('/v1/thoughts', async (c) => {
    const { query, think, thoughts, temperature } = await c.req.json();
    return streamSSE(c, async (stream) => {
      const controller = new AbortController();
      stream.onAbort(() => controller.abort());
      const send = (event: string, data: object) => stream.writeSSE({ event, data: JSON.stringify(data) });
      const search = async (vector: Float32Array) => (store ? { hits: await store.search(vector, { k: 10 }) } : {});
      for await (const event of service.query(query, { think, thoughts, temperature, signal: controller.signal })) {
        if (event.type === 'instant') {
          await send('instant', { ...(await search(event.vector)), prefill_ms: event.prefillMs });
        } else if (event.type === 'token') {
          await send('token', { sample: event.sample, text: event.text });
        } else {
          const { hits } = await search(event.vector);
          const documents = hits ? [...(await store!.get(hits.map(({ id }) => id))).values()] : [];
          const places = project([...documents.map(({ vector }) => vector), event.instant, event.vector]);
          const named = [
            ...documents.map(({ id }) => ({ id, kind: 'document' })),
            { id: 'instant', kind: 'instant' },
            { id: 'final', kind: 'final' },
          ];
          await send('final', {
            ...(hits ? { hits } : {}),
            basis: event.basis,
            thoughts: event.thoughts.map(({ text, finishReason, logProbability }) => ({
              text,
              finish_reason: finishReason,
              log_probability: logProbability,
            })),
            deadline_reached: event.deadlineReached,
            cached: event.cached ?? false,
            timings: {
              prefill_ms: event.timings.prefillMs,
              think_ms: event.timings.thinkMs,
              total_ms: event.timings.totalMs,
            },
            projection: { points: named.map((point, i) => ({ ...point, x: places[i]![0], y: places[i]![1] })) },
          });
        }
      }
    });
  });
  return app;
}
