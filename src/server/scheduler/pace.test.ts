import { expect, test } from 'vitest';
import { Pace } from './pace.js';

test('as long as the requests before took', () => {
  const pace = new Pace();
  expect(pace.secondsFor(64, 0)).toBe(1);
  pace.begin(0);
  expect(pace.secondsFor(64, 500)).toBe(1);
  for (const now of [500, 1000, 1500, 2000]) pace.finished(now);
  expect(pace.secondsFor(10, 2000)).toBe(5);
  // Nothing has been finished for a while.
  expect(pace.secondsFor(10, 6000)).toBe(15);
  expect(pace.secondsFor(1000, 6000)).toBe(60);
});

test('the last ones count, and a pause does not', () => {
  const pace = new Pace();
  pace.begin(0);
  for (let i = 1; i <= 100; i++) pace.finished(10 * i);
  for (let i = 1; i <= 16; i++) pace.finished(1000 + 1000 * i);
  expect(pace.secondsFor(4, 17_000)).toBe(4);
  pace.begin(3_600_000);
  expect(pace.secondsFor(64, 3_600_100)).toBe(1);
  pace.finished(3_601_000);
  expect(pace.secondsFor(4, 3_601_000)).toBe(4);
});
