import { createHash, timingSafeEqual } from 'node:crypto';
import { isIP } from 'node:net';
import type { MiddlewareHandler } from 'hono';
import { ApiError } from './api-error.js';

export interface GuardSettings {
  /** Names under which the server may be asked, beside `localhost` and addresses. A port does not matter. */
  readonly hosts: readonly string[];
  /** The origin of web pages that may ask from elsewhere. */
  readonly corsOrigin: string | undefined;
}

/**
 * Keeps web pages of others out. A page that has its own name point to this machine (DNS rebinding) is known by the `Host`
 * header: an address or `localhost` cannot be made to point elsewhere. A page of another origin is known by `Origin`.
 */
export function guard({ hosts, corsOrigin }: GuardSettings): MiddlewareHandler {
  const names = new Set(['localhost', ...hosts.map((host) => hostname(host) ?? host)]);
  return async (c, next) => {
    const host = c.req.header('host') ?? new URL(c.req.url).host;
    const name = hostname(host);
    if (name === undefined || !(names.has(name) || isIP(name) > 0)) {
      const message = `This server does not answer to the name ${JSON.stringify(host)}; start it with --allow-host.`;
      throw new ApiError(403, message, { code: 'forbidden_host' });
    }
    const origin = c.req.header('origin');
    if (origin !== undefined && origin !== corsOrigin && !isSameOrigin(origin, host)) {
      const message = `This server does not answer to pages of ${JSON.stringify(origin)}; start it with --cors.`;
      throw new ApiError(403, message, { code: 'forbidden_origin' });
    }
    await next();
  };
}

/** The name in a `Host` header, in lower case, an IPv6 address without its brackets. */
function hostname(host: string): string | undefined {
  // No user, path or query: nothing but a name or an address, and a port.
  if (!/^(?:[\w.-]+|\[[\da-f:.]+\])(?::\d+)?$/i.test(host) || !URL.canParse(`http://${host}`)) return undefined;
  return new URL(`http://${host}`).hostname.replace(/^\[|\]$/g, '').replace(/\.$/, '');
}

function isSameOrigin(origin: string, host: string): boolean {
  if (!URL.canParse(origin)) return false;
  // The page may have come over TLS, through a proxy: then the default ports differ.
  const { protocol, host: originHost } = new URL(origin);
  return (
    originHost !== '' && URL.canParse(`${protocol}//${host}`) && new URL(`${protocol}//${host}`).host === originHost
  );
}

/** Lets only those in who know the key, which is compared in constant time. */
export function bearerKey(apiKey: string): MiddlewareHandler {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  const expected = digest(apiKey);
  return async (c, next) => {
    const [, given] = /^Bearer (.+)$/i.exec(c.req.header('authorization') ?? '') ?? [];
    if (given === undefined || !timingSafeEqual(digest(given), expected)) {
      const message =
        given === undefined ? 'Expected the header "Authorization: Bearer" with the API key.' : 'The API key is wrong.';
      throw new ApiError(401, message, { code: 'invalid_api_key', headers: { 'www-authenticate': 'Bearer' } });
    }
    await next();
  };
}
