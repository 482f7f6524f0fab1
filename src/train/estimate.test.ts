import { expect, test } from 'vitest';
import { tinyRecipe } from '../../test/support/tiny-training.js';
import { sideWorkOf } from './estimate.js';
import type { TrainingExample } from './training-data.js';

const example: TrainingExample = {
  ...{ id: 'q', text: 'q', tokens: [1, 2], positive: 0, relevant: new Set([0]), negatives: [], teacher: undefined },
  thoughts: [[1, 2, 3, 4]],
};
const document = { id: 'd', text: 'd', tokens: [1, 2, 3, 4, 5] };
const query = { id: 'v', text: 'v', tokens: [1, 2, 3] };
const dev = { name: 'tiny', queries: [query, query], documents: [document, document], qrels: new Map() };
const data = {
  sets: [
    {
      ...{ name: 'tiny', examples: [example, example], documents: [document], titles: [] },
      validation: dev,
      cutThoughts: 0,
    },
  ],
  fingerprint: '',
};
const stages = [{ steps: 3 }, { steps: 4 }, { steps: 1 }];

function work(validation: object) {
  const recipe = tinyRecipe('somewhere');
  return sideWorkOf(
    { recipe: { ...recipe, validation: { ...recipe.validation!, ...validation } }, data, validation: [dev] },
    stages,
  );
}

test('each stage ends with a validation, whether there are others in it or not', () => {
  const [one, perValidation] = [work({ every: undefined, thinking: [] }), 2 * 3 + 2 * 5];
  expect(one.validationTokens).toBe(3 * perValidation);
  expect(work({ every: 2, thinking: [] }).validationTokens).toBe((2 + 2 + 1) * perValidation);
});

test('thoughts are written before stages that ask for them, and for the ways that are tried', () => {
  // Two queries, two thoughts of four tokens each.
  expect(work({ thinking: [] }).writtenTokens).toBe(2 * 2 * 4);
  const thinking = [
    { thoughts: 1, temperature: 0 },
    { thoughts: 3, temperature: 0.6, maxTokens: 2 },
  ];
  const tried = work({ every: undefined, thinking });
  expect(tried.writtenTokens).toBe(2 * 2 * 4 + 2 * 4 + 2 * 3 * 2);
  // Documents once more, and the queries with the instant vectors and with each way.
  expect(tried.validationTokens).toBe(3 * 16 + 10 + 3 * 6);
});
