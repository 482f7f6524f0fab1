import type { Server } from 'node:http';
import { createAdaptorServer } from '@hono/node-server';
import type { Hono } from 'hono';
import { O1Error } from '../errors.js';
import type { AppEnv } from './http/app-parts.js';

export interface ListenOptions {
  /** 0 takes a free one. */
  readonly port: number;
  /** Default 127.0.0.1: nobody but this machine. */
  readonly host?: string | undefined;
  /** The headers of a request must have come within this time. Default 10,000 ms. */
  readonly headersTimeoutMs?: number | undefined;
  /** The whole of a request must have come within this time. Default 30,000 ms. */
  readonly requestTimeoutMs?: number | undefined;
}

export interface Listening {
  /** `http://127.0.0.1:8080` */
  readonly address: string;
  readonly port: number;
  /** Takes no new connections. */
  stop(): void;
  /** Waits until the last answer has been sent, at most this long, and then ends what is still open. */
  close(graceMs: number): Promise<void>;
}

/**
 * An idle connection is kept for so long. Longer than the minute of common clients and proxies: with Node's own 5 s a request of a busy
 * client meets a connection that is just being closed, and fails.
 */
const KEEP_ALIVE_MS = 65_000;

/** How often connections are looked at that have become idle since the server stopped. */
const IDLE_CHECK_MS = 50;

/**
 * Opens a socket for an app: the only place that does.
 *
 * A client that sends its request slower than the time-outs allow is answered 408 and cut off, so that nobody holds
 * connections by sending next to nothing.
 *
 * @throws O1Error when the address cannot be had.
 */
export async function listen(app: Pick<Hono<AppEnv>, 'fetch'>, options: ListenOptions): Promise<Listening> {
  const { port, host = '127.0.0.1', headersTimeoutMs = 10_000, requestTimeoutMs = 30_000 } = options;
  const server = createAdaptorServer({
    fetch: app.fetch,
    serverOptions: {
      headersTimeout: Math.min(headersTimeoutMs, requestTimeoutMs),
      requestTimeout: requestTimeoutMs,
      keepAliveTimeout: KEEP_ALIVE_MS,
      // How often slow clients are looked for.
      connectionsCheckingInterval: Math.min(2_000, headersTimeoutMs / 2),
    },
  }) as Server;
  await new Promise<void>((resolve, reject) => {
    // Also heard later, when it changes nothing: a connection that cannot be accepted does not end the process.
    server.on('error', (cause: NodeJS.ErrnoException) => reject(cannotListen(cause, host, port)));
    server.listen(port, host, resolve);
  });
  const taken = server.address() as { port: number };
  let stopped: Promise<void> | undefined;
  const stop = () => {
    stopped ??= new Promise((resolve) => server.close(() => resolve()));
  };
  return {
    address: `http://${host.includes(':') ? `[${host}]` : host}:${taken.port}`,
    port: taken.port,
    stop,
    async close(graceMs) {
      stop();
      const idle = setInterval(() => server.closeIdleConnections(), IDLE_CHECK_MS);
      const end = setTimeout(() => server.closeAllConnections(), graceMs);
      await stopped;
      clearInterval(idle);
      clearTimeout(end);
    },
  };
}

const HINTS: Record<string, string> = {
  EADDRINUSE: 'Something else listens there: give another --port, or 0 for a free one.',
  EACCES: 'Give a --port of 1024 or more.',
  EADDRNOTAVAIL: 'Give a --host that is an address of this machine, or 127.0.0.1.',
  ENOTFOUND: 'Give a --host that is an address of this machine, or 127.0.0.1.',
};

function cannotListen(cause: NodeJS.ErrnoException, host: string, port: number): O1Error {
  const hint = HINTS[cause.code ?? ''];
  return new O1Error(`cannot listen: ${cause.message}.`, {
    where: `${host}:${port}`,
    ...(hint === undefined ? {} : { hint }),
    cause,
  });
}
