import { afterAll, beforeAll, expect, test } from 'vitest';
import { randomWeights, TINY_CONFIG } from '../testing/tiny-decoder.js';
import { initialParameters, loraShapes } from './lora.js';
import { TrainingModel } from './training-model.js';
import { together, validateInstant, validationDocuments } from './validation.js';

const MARKS = [257, 258, 259, 260];
const bytes = (text: string) => [...new TextEncoder().encode(text)];
const DOCUMENTS = Array.from({ length: 12 }, (_, i) => {
  const text = `entry ${String.fromCharCode(97 + i).repeat(4)}`;
  return { id: `d${i}`, text, tokens: [258, ...bytes(text), 260] };
});

let model: TrainingModel;
beforeAll(async () => {
  const parameters = initialParameters(loraShapes(TINY_CONFIG, 4, 4), [new Float32Array(32).fill(0.1)], 1);
  const options = { rank: 4, scale: 2, maxPositions: 128, markTokens: MARKS };
  model = await TrainingModel.create(randomWeights(TINY_CONFIG, 1), parameters, options);
});
afterAll(() => model?.close());

/** A query that is a document's own tokens is nearest to it, whatever the weights. */
const query = (id: string, document: number) => ({ id, text: '', tokens: DOCUMENTS[document]!.tokens });

test('nDCG@10 of queries that are their documents is 1, of those judged for another one it is less', async () => {
  const queries = [query('a', 3), query('b', 7)];
  const judged = (b: string) => ({
    queries,
    documents: DOCUMENTS,
    qrels: new Map([
      ['a', new Map([['d3', 1]])],
      ['b', new Map([[b, 1]])],
    ]),
  });
  for (const maxTokens of [16, 1000]) {
    expect(await validateInstant(model, judged('d7'), { maxTokens })).toBe(1);
    expect(await validateInstant(model, judged('d3'), { maxTokens })).toBeLessThan(0.9);
  }
});

test('fewer documents always hold the judged ones, and are the same each time', () => {
  const qrels = new Map([
    ['a', new Map([['d11', 1]])],
    ['b', new Map([['d5', 0]])],
  ]);
  const chosen = (count?: number) => validationDocuments(DOCUMENTS, { queries: [], qrels }, count).map(({ id }) => id);
  expect(chosen()).toHaveLength(12);
  expect(chosen(5)).toEqual(expect.arrayContaining(['d11', 'd5']));
  expect(chosen(5)).toHaveLength(5);
  expect(chosen(5)).toEqual(chosen(5));
  expect(chosen(1).sort()).toEqual(['d11', 'd5']);
});

test('several sets as one keep ids apart, and the judgements with them', () => {
  const set = (name: string, document: number) => ({
    name,
    queries: [query('q', document)],
    documents: DOCUMENTS.slice(0, 3),
    qrels: new Map([['q', new Map([[`d${document}`, 2]])]]),
  });
  const all = together([set('a', 0), set('b', 2)]);
  expect(all.queries.map(({ id }) => id)).toEqual(['a/q', 'b/q']);
  expect(all.documents.map(({ id }) => id)).toEqual(['a/d0', 'a/d1', 'a/d2', 'b/d0', 'b/d1', 'b/d2']);
  expect(all.qrels.get('b/q')).toEqual(new Map([['b/d2', 2]]));
});
