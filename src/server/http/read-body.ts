import type { Context } from 'hono';
import type { z } from 'zod';
import { ApiError } from './api-error.js';

/**
 * A request's JSON body, checked.
 *
 * @throws ApiError that names the field, for anything else.
 */
export async function readBody<T>(c: Context, schema: z.ZodType<T>): Promise<T> {
  const contentType = c.req.header('content-type') ?? '';
  if (!/^application\/json\s*(;|$)/i.test(contentType)) {
    const message = `Expected the header "Content-Type: application/json", got ${JSON.stringify(contentType)}.`;
    throw new ApiError(415, message, { code: 'unsupported_media_type' });
  }
  const bytes = await c.req.arrayBuffer().catch(() => {
    throw new ApiError(400, 'The body ended before it was complete.', { code: 'incomplete_body' });
  });
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (error) {
    const why = error instanceof SyntaxError ? error.message : 'it is not UTF-8';
    throw new ApiError(400, `The body is not JSON: ${why}.`, { code: 'invalid_json' });
  }
  const parsed = schema.safeParse(value);
  if (!parsed.success) throw fieldError(parsed.error.issues[0]!, value);
  return parsed.data;
}

function fieldError(issue: z.core.$ZodIssue, body: unknown): ApiError {
  const param = pathOf(issue.path);
  if (issue.code === 'unrecognized_keys') {
    const [key] = issue.keys;
    return new ApiError(400, `Unknown field ${JSON.stringify(key)}.`, { code: 'unknown_parameter', param: key! });
  }
  if (param === '') return new ApiError(400, `Expected a JSON object: ${issue.message}.`, { code: 'invalid_type' });
  const missing = issue.path.length === 1 && !hasKey(body, issue.path[0]!);
  if (missing) {
    return new ApiError(400, `The field "${param}" is missing.`, { code: 'missing_required_parameter', param });
  }
  const code = issue.code === 'invalid_type' ? 'invalid_type' : 'invalid_value';
  return new ApiError(400, `${param}: ${issue.message}.`, { code, param });
}

/** `input[3][0]` */
const pathOf = (path: readonly PropertyKey[]) =>
  path.map((key, i) => (typeof key === 'number' ? `[${key}]` : `${i === 0 ? '' : '.'}${String(key)}`)).join('');

const hasKey = (body: unknown, key: PropertyKey) =>
  typeof body === 'object' && body !== null && Object.hasOwn(body, key);
