import { expect, test } from 'vitest';
import { embeddingsRequest } from './request-schemas.js';

test.each([
  ['ids', [-1, 0], 'input[0]'],
  ['texts', ['a', 1, 'a'], 'input[1]'],
  ['lists of ids', [[1], [2, 0.5], [3]], 'input[1][1]'],
])('%s: the first wrong one is told, and the rest, which may be a million, is not looked at', (_, start, where) => {
  const input: unknown[] = [...start, 0];
  Object.defineProperty(input, input.length - 1, {
    get: () => {
      throw new Error('looked at');
    },
  });
  const { error } = embeddingsRequest.safeParse({ model: 'm', input });
  const path = error!.issues[0]!.path;
  expect(path.map((key) => (typeof key === 'number' ? `[${key}]` : String(key))).join('')).toBe(where);
  expect(error!.issues).toHaveLength(1);
});
