import { Hono, type MiddlewareHandler } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { cors } from 'hono/cors';
import { methodNotAllowed } from 'hono/method-not-allowed';
import { secureHeaders } from 'hono/secure-headers';
import type { Logger } from 'pino';
import type { SearchableStore } from './http/answers.js';
import { ApiError, errorResponse, toApiError } from './http/api-error.js';
import type { AppEnv, AppParts } from './http/app-parts.js';
import { embeddingsRoute } from './http/embeddings-route.js';
import { bearerKey, guard } from './http/guard.js';
import { Metrics } from './http/metrics.js';
import { searchRoute } from './http/search-route.js';
import { thoughtsRoute } from './http/thoughts-route.js';
import { waysToThink } from './http/ways-to-think.js';
import { playgroundAssets, playgroundPage } from './playground/index.js';
import type { EmbeddingService } from './service.js';

export interface AppOptions {
  readonly service: EmbeddingService;
  /** The index that is searched. Default: none, and no search. */
  readonly store?: SearchableStore | undefined;
  /** Wanted as a bearer token for the API and the metrics. Default: none. */
  readonly apiKey?: string | undefined;
  /** Names under which the server may be asked, beside `localhost` and addresses. */
  readonly hosts?: readonly string[] | undefined;
  /** The origin of web pages that may ask from elsewhere. Default: none. */
  readonly corsOrigin?: string | undefined;
  /** Bytes of a request's body. Default 4 MiB. */
  readonly maxBodyBytes?: number | undefined;
  /** Gets one line a request. Default: no log. */
  readonly log?: Logger | undefined;
  /** Write the texts of queries to the log. Default false. */
  readonly logQueries?: boolean | undefined;
  /** Show this process's memory and time among the metrics. Default false. */
  readonly processMetrics?: boolean | undefined;
}

/** Enough for 2,048 documents of 2,000 characters. */
const MAX_BODY_BYTES = 4 * 2 ** 20;

const ROUTES = ['/v1/embeddings', '/v1/search', '/v1/thoughts', '/v1/models', '/healthz', '/readyz', '/metrics', '/'];

/**
 * The HTTP interface over a service, without a socket.
 *
 * @example
 * const app = createApp({ service: localService(engine) });
 * const response = await app.request('/v1/models');
 */
export function createApp(options: AppOptions): Hono<AppEnv> {
  const { service, store, apiKey, hosts = [], corsOrigin, maxBodyBytes = MAX_BODY_BYTES, log } = options;
  const metrics = new Metrics(service, { process: options.processMetrics ?? false });
  const parts: AppParts = { service, store, metrics, log };
  const app = new Hono<AppEnv>();

  app.use(record(metrics, log, options.logQueries ?? false));
  app.use(errorsAlone);
  app.use(
    secureHeaders({
      contentSecurityPolicy: {
        ...{ defaultSrc: ["'self'"], baseUri: ["'none'"], formAction: ["'none'"], frameAncestors: ["'none'"] },
      },
      // The server speaks plain HTTP; a proxy that adds TLS says so itself.
      strictTransportSecurity: false,
    }),
  );
  app.use(guard({ hosts, corsOrigin }));
  if (corsOrigin !== undefined) {
    app.use(cors({ origin: corsOrigin, allowMethods: ['GET', 'POST'], exposeHeaders: ['Retry-After'] }));
  }
  if (apiKey !== undefined) {
    app.use('/v1/*', bearerKey(apiKey));
    app.use('/metrics', bearerKey(apiKey));
  }
  app.use(bodyLimit({ maxSize: maxBodyBytes, onError: () => refuseBody(maxBodyBytes) }));
  app.use(
    methodNotAllowed({
      app,
      onMethodNotAllowed: (c, methods) => {
        const allow = methods.join(', ');
        const message = `${c.req.path} takes ${allow}, not ${c.req.method}.`;
        return errorResponse(c, new ApiError(405, message, { code: 'method_not_allowed', headers: { allow } }));
      },
    }),
  );

  app.post('/v1/embeddings', embeddingsRoute(parts));
  app.post('/v1/search', searchRoute(parts));
  app.post('/v1/thoughts', thoughtsRoute(parts));
  app.get('/v1/models', (c) => c.json({ object: 'list', data: [modelAnswer(parts)] }));
  app.get('/healthz', (c) => c.json({ status: 'ok' }));
  app.get('/readyz', (c) => {
    const { state } = service.status?.() ?? { state: 'ready' };
    return c.json({ status: state }, state === 'ready' ? 200 : 503);
  });
  app.get('/metrics', async (c) => c.body(await metrics.text(), 200, { 'content-type': metrics.contentType }));
  addPlayground(app);

  app.notFound((c) => {
    const message = `There is nothing at ${c.req.path}. There are ${ROUTES.join(', ')}.`;
    return errorResponse(c, new ApiError(404, message, { code: 'not_found' }));
  });
  app.onError((error, c) => {
    // Nobody reads this answer: the client has gone.
    if (c.req.raw.signal.aborted) return c.body(null, 499 as 400);
    const apiError = toApiError(error);
    if (apiError.status === 500) log?.error(error);
    return errorResponse(c, apiError);
  });
  return app;
}

function refuseBody(maxBytes: number): never {
  throw new ApiError(413, `The body must have at most ${maxBytes} bytes.`, { code: 'body_too_large' });
}

/** OpenAI's fields, and how the model can be asked. */
function modelAnswer(parts: AppParts) {
  const { modelName, dimensions, fingerprint } = parts.service;
  const { ways, byDefault } = waysToThink(parts);
  return {
    ...{ id: modelName, object: 'model', created: 0, owned_by: 'o1-embedder' },
    ...{ dimensions, fingerprint, think: ways, default_think: byDefault },
  };
}

/** The page and its files, which are looked up by their names and nowhere else. */
function addPlayground(app: Hono<AppEnv>): void {
  let files: Promise<Map<string, { contentType: string; body: string }>> | undefined;
  const tryAgain = (error: unknown) => {
    files = undefined;
    throw error;
  };
  const asset: MiddlewareHandler = async (c, next) => {
    files ??= playgroundAssets().then((assets) => new Map(assets.map((one) => [one.path, one])));
    const file = (await files.catch(tryAgain)).get(c.req.path);
    return file ? c.body(file.body, 200, { 'content-type': file.contentType }) : next();
  };
  app.get('/', async (c) => c.html(await playgroundPage()));
  app.get('/:name{playground[.][a-z]+}', asset);
  app.get('/assets/:name', asset);
}

/** The socket's server aborts a request with a string, and Hono hands to `onError` nothing but errors. */
const errorsAlone: MiddlewareHandler = async (_, next) => {
  try {
    await next();
  } catch (reason) {
    throw reason instanceof Error ? reason : new Error(String(reason));
  }
};

/** Counts and logs requests when they have been answered. */
function record(metrics: Metrics, log: Logger | undefined, logQueries: boolean): MiddlewareHandler<AppEnv> {
  return async (c, next) => {
    const start = performance.now();
    await next();
    const ms = performance.now() - start;
    const { path, method } = c.req;
    const { status } = c.res;
    // Anything else is one label: whoever asks for other paths must not make the metrics grow.
    metrics.request(ROUTES.includes(path) ? path : 'other', status, ms);
    const queries = logQueries ? { queries: c.get('queries') } : {};
    log?.info({ method, path, status, ms: Math.round(ms), ...queries }, 'answered');
  };
}
