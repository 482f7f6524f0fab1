import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { stemmer } from 'stemmer';
import { describe, expect, test } from 'vitest';
import { mean, ndcg } from '../metrics/index.js';
import { EnglishAnalyzer } from './english-analyzer.js';
import { Bm25, documentText, loadBeir } from './index.js';
import { tokenize } from './standard-tokenizer.js';

describe('words as UAX #29 has them', () => {
  test.each([
    ['', []],
    ['  ... -- !', []],
    ['The quick (brown) fox', ['The', 'quick', 'brown', 'fox']],
    ["can't won’t 'quoted'", ["can't", 'won’t', 'quoted']],
    ['fs.readFile() and U.S.A. end.', ['fs.readFile', 'and', 'U.S.A', 'end']],
    ['3.14 1,000,000 1.a a.1 v2.0', ['3.14', '1,000,000', '1', 'a', 'a', '1', 'v2.0']],
    ['a,b a;b 1;2 1:2 a:b', ['a', 'b', 'a', 'b', '1;2', '1', '2', 'a:b']],
    ['snake_case _private __dirname trailing_ _ __', ['snake_case', '_private', '__dirname', 'trailing_']],
    ['max-age e-mail TCP/IP a@b.org #4 C++', ['max', 'age', 'e', 'mail', 'TCP', 'IP', 'a', 'b.org', '4', 'C']],
    ['naïve Ärzte e\u0301te\u0301', ['naïve', 'Ärzte', 'e\u0301te\u0301']],
    ['soft\u00adhyphen zero\u200bwidth', ['soft\u00adhyphen', 'zero', 'width']],
    ['我是 日本語 ひらがな カタカナ', ['我', '是', '日', '本', '語', 'ひ', 'ら', 'が', 'な', 'カタカナ']],
    ['한국어 단어', ['한국어', '단어']],
    ['ภาษาไทย abc', ['ภาษาไทย', 'abc']],
    ['Привет, мир', ['Привет', 'мир']],
    ['x² µm TGF-β1 10µg', ['x', 'µm', 'TGF', 'β1', '10µg']],
  ])('%j', (text, expected) => {
    expect(tokenize(text)).toEqual(expected);
  });

  test('text in ASCII has the same words by the quick way and by the full one', () => {
    const text = readFileSync(fileURLToPath(new URL('./bm25.ts', import.meta.url)), 'utf8').replace(/[^\0-\x7f]/g, '');
    // One letter beyond ASCII makes the whole text go the full way.
    expect(tokenize(`${text} é`)).toEqual([...tokenize(text), 'é']);
    expect(tokenize(text).length).toBeGreaterThan(300);
  });

  test('a word of more than 255 letters is cut', () => {
    expect(tokenize('x'.repeat(600)).map((token) => token.length)).toEqual([255, 255, 90]);
  });
});

test('terms: possessive, lower case, stop words, stems', () => {
  const terms = new EnglishAnalyzer().terms("The Dog's owner isn't THE owners’S; it’s Running to caresses");
  expect(terms).toEqual(['dog', 'owner', "isn't", 'owner', 'run', 'caress']);
});

test('stems are those of Porter', () => {
  const pairs = readFileSync(new URL('../../test/fixtures/search/porter/sample.txt', import.meta.url), 'utf8');
  const lines = pairs.trim().split('\n');
  expect(lines).toHaveLength(501);
  for (const line of lines) {
    const [word, stem] = line.split(' ');
    expect(stemmer(word!), word).toBe(stem);
  }
});

test('scores follow the formula', () => {
  const index = new Bm25([
    { id: 'a', text: 'red apple apple' },
    { id: 'b', text: 'green apple' },
    { id: 'c', text: 'green pear pear pear' },
    { id: 'd', text: 'stone' },
  ]);
  const meanLength = (3 + 2 + 4 + 1) / 4;
  const term = (n: number, frequency: number, length: number) =>
    (Math.log(1 + (4 - n + 0.5) / (n + 0.5)) * frequency) / (frequency + 0.9 * (1 - 0.4 + (0.4 * length) / meanLength));
  const hits = index.search('green apples', 10);
  expect(hits.map(({ id }) => id)).toEqual(['b', 'a', 'c']);
  expect(hits[0]!.score).toBeCloseTo(term(2, 1, 2) + term(2, 1, 2), 12);
  expect(hits[1]!.score).toBeCloseTo(term(2, 2, 3), 12);
  expect(hits[2]!.score).toBeCloseTo(term(2, 1, 4), 12);
  expect(index.score('green apples', 'a')).toBe(hits[1]!.score);
  expect(index.score('green apples', 'd')).toBe(0);
  expect(index.score('green apples', 'nobody')).toBeUndefined();
  // A term that stands twice in the query counts twice.
  expect(index.score('apple apple', 'b')).toBeCloseTo(2 * term(2, 1, 2), 12);
});

test('k1 and b are settings', () => {
  const texts = [
    { id: 'short', text: 'apple' },
    { id: 'long', text: 'apple apple pear pear pear pear pear pear' },
  ];
  expect(new Bm25(texts, { b: 1 }).search('apple', 1)[0]!.id).toBe('short');
  expect(new Bm25(texts, { b: 0 }).search('apple', 1)[0]!.id).toBe('long');
  expect(new Bm25(texts, { k1: 0 }).search('apple', 2).map(({ id }) => id)).toEqual(['short', 'long']);
});

test('equal scores stand in the order of the corpus; k and the filter hold', () => {
  const index = new Bm25(['z', 'a', 'm'].map((id) => ({ id, text: 'same text' })));
  expect(index.search('text', 10).map(({ id }) => id)).toEqual(['z', 'a', 'm']);
  expect(index.search('text', 2).map(({ id }) => id)).toEqual(['z', 'a']);
  expect(index.search('text', 1, (id) => id !== 'z').map(({ id }) => id)).toEqual(['a']);
});

test('nothing to find', () => {
  expect(new Bm25([]).search('text', 10)).toEqual([]);
  const index = new Bm25([
    { id: 'a', text: '' },
    { id: 'b', text: 'the' },
  ]);
  expect(index.search('the', 10)).toEqual([]);
  expect(index.search('', 10)).toEqual([]);
  expect(index.search('constructor toString __proto__', 10)).toEqual([]);
});

test('the Node API set: nDCG@10 on test, and built quickly', async () => {
  const { documents, queries, qrels } = await loadBeir(
    fileURLToPath(new URL('../../data/node-api', import.meta.url)),
    'test',
  );
  expect([documents.length, queries.length, qrels.size]).toEqual([2092, 200, 200]);
  const begin = performance.now();
  const index = new Bm25(documents.map((document) => ({ id: document.id, text: documentText(document) })));
  // A tenth of this is usual; the limit is for a busy machine.
  expect(performance.now() - begin).toBeLessThan(2000);
  const run = new Map(queries.map(({ id, text }) => [id, index.search(text, 100)]));
  // With the same analysis and formula, SciFact's test set gives .678; Anserini reports .679.
  expect(mean(ndcg(run, qrels, 10))).toBeCloseTo(0.321, 3);
});
