import fc from 'fast-check';
import { expect, test } from 'vitest';
import { agreementOf, cohensKappa, hardVote, kendallTau, softVote } from './index.js';

const scores = fc.tuple(fc.integer({ min: 1, max: 4 }), fc.integer({ min: 1, max: 4 })).chain(([members, candidates]) =>
  fc.array(
    fc.array(fc.double({ min: -100, max: 100, noNaN: true }), { minLength: candidates, maxLength: candidates }),
    {
      minLength: members,
      maxLength: members,
    },
  ),
);

test('soft vote: softmax of each member, summed', () => {
  const [a, b] = [Math.exp(1), Math.exp(2)];
  const votes = softVote([
    [1, 2],
    [5, 5],
  ]);
  expect(votes[0]).toBeCloseTo(a / (a + b) + 0.5, 12);
  expect(votes[1]).toBeCloseTo(b / (a + b) + 0.5, 12);
  // Nothing overflows.
  expect(softVote([[1e6, 0]])).toEqual([1, 0]);
});

test('hard vote: one for the best of each member, the first of equal ones', () => {
  expect(
    hardVote([
      [1, 3, 3],
      [9, 2, 1],
      [0, 5, 4],
    ]),
  ).toEqual([1, 2, 0]);
});

test('whatever the scores, each member gives away one vote, and a shift of its scale changes nothing', () => {
  fc.assert(
    fc.property(scores, fc.double({ min: -50, max: 50, noNaN: true }), (rows, shift) => {
      for (const vote of [softVote, hardVote]) {
        const votes = vote(rows);
        expect(votes.reduce((sum, value) => sum + value, 0)).toBeCloseTo(rows.length, 9);
      }
      const shifted = softVote(rows.map((row) => row.map((value) => value + shift)));
      for (const [i, value] of softVote(rows).entries()) expect(shifted[i]).toBeCloseTo(value, 9);
    }),
  );
});

test("Cohen's kappa of the textbook's table", () => {
  // Two readers, 50 proposals: 20 yes/yes, 5 yes/no, 10 no/yes, 15 no/no; kappa is 0.4.
  const table: [number, number, number][] = [
    [20, 1, 1],
    [5, 1, 0],
    [10, 0, 1],
    [15, 0, 0],
  ];
  const choices = table.flatMap(([count, a, b]) => Array.from({ length: count }, (): [number, number] => [a, b]));
  expect(cohensKappa(choices)).toBeCloseTo(0.4, 12);
  expect(cohensKappa([[0, 0]])).toBeUndefined();
  expect(cohensKappa([])).toBeUndefined();
});

test("Kendall's tau-b", () => {
  expect(kendallTau([1, 2, 3], [10, 20, 30])).toBe(1);
  expect(kendallTau([1, 2, 3], [3, 2, 1])).toBe(-1);
  expect(kendallTau([1, 2, 3], [1, 3, 2])).toBeCloseTo(1 / 3, 12);
  // One tie on one side: 2 concordant pairs, 2 untied on that side of 3.
  expect(kendallTau([1, 1, 2], [1, 2, 3])).toBeCloseTo(2 / Math.sqrt(2 * 3), 12);
  expect(kendallTau([1, 1], [1, 2])).toBeUndefined();
});

test('agreement counts queries with something to choose', () => {
  const [pair] = agreementOf([
    { x: [1, 2], y: [3, 4] },
    { x: [2, 1], y: [3, 4] },
    { x: [1], y: [1] },
  ]);
  expect(pair).toMatchObject({ a: 'x', b: 'y', queries: 2, share: 0.5, kappa: 0, tau: 0 });
});
