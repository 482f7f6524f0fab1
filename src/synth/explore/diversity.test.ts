import { expect, test } from 'vitest';
import { diversityOf, meanDiversity } from '../index.js';

test('alike is 0, nothing in common is 1, by hand in between', () => {
  expect(diversityOf(['A b.', 'a B'])).toEqual({ jaccardDistance: 0, distinct2: 0.5 });
  expect(diversityOf(['a b', 'c d'])).toEqual({ jaccardDistance: 1, distinct2: 1 });
  // Words: {a b c}, {a b d}, {x y}: distances 1/2, 1, 1. Pairs: ab bc ab bd xy: 4 of 5.
  const { jaccardDistance, distinct2 } = diversityOf(['a b c', 'a b d', 'x y'])!;
  expect(jaccardDistance).toBeCloseTo(2.5 / 3, 12);
  expect(distinct2).toBeCloseTo(0.8, 12);
});

test('one text has no diversity, and does not count in the mean', () => {
  expect(diversityOf(['a b'])).toBeUndefined();
  expect(meanDiversity([['a b'], ['a b', 'c d'], ['a b', 'a b']])).toEqual({ jaccardDistance: 0.5, distinct2: 0.75 });
  expect(meanDiversity([['a']])).toBeUndefined();
  expect(diversityOf(['', '!'])).toEqual({ jaccardDistance: 0, distinct2: 0 });
});
