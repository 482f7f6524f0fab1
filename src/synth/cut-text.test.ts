import fc from 'fast-check';
import { expect, test } from 'vitest';
import { cutToTokens } from './index.js';

/** Two characters a token: cuts inside a word show. */
const count = (text: string) => Math.ceil(text.length / 2);
const words = (text: string) => text.split(/\s+/).filter(Boolean).length;

test('a text that fits is whole, without white space around it', () => {
  expect(cutToTokens('  One two. \n', 2, words)).toEqual({ text: 'One two.', tokens: 2, cut: false });
});

test('cuts at a sentence that keeps half, else at a word, else anywhere', () => {
  const text = 'One two three. Four five six seven. Eight nine ten.';
  expect(cutToTokens(text, 8, words)).toEqual({ text: 'One two three. Four five six seven.', tokens: 7, cut: true });
  expect(cutToTokens(text, 4, words).text).toBe('One two three.');
  expect(cutToTokens('One. Two three four five six.', 4, words).text).toBe('One. Two three four');
  expect(cutToTokens('One-very-long-word', 4, count)).toEqual({ text: 'One-very', tokens: 4, cut: true });
  expect(cutToTokens('😀😀😀', 2, count).text).toBe('😀😀');
});

test('a broken answer loses its last sentence where half stays', () => {
  const broken = { broken: true };
  expect(cutToTokens('One two three. Four', 9, words, broken)).toEqual({
    text: 'One two three.',
    tokens: 3,
    cut: true,
  });
  expect(cutToTokens('One. Two three four', 9, words, broken).text).toBe('One. Two three four');
  expect(cutToTokens('One two three', 9, words, broken)).toEqual({ text: 'One two three', tokens: 3, cut: false });
});

test('whatever the text: a prefix, within the limit, told in its own tokens', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme', maxLength: 80 }), fc.integer({ min: 1, max: 20 }), (text, limit) => {
      const result = cutToTokens(text, limit, count);
      expect(text.trim().startsWith(result.text)).toBe(true);
      expect(result.tokens).toBe(count(result.text));
      expect(result.tokens).toBeLessThanOrEqual(limit);
      expect(result.cut).toBe(result.text !== text.trim());
    }),
  );
});
