import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ExamplePool } from './example-pool.js';

const example = (i: number) => ({ id: `q${i}`, query: `query ${i}`, positive: `document ${i}` });
const examples = (count: number) => Array.from({ length: count }, (_, i) => example(i));
/** Query i is answered by document i; those below `sharing` also by document 0. */
const qrelsOf = (count: number, sharing = 0) =>
  new Map(
    Array.from({ length: count }, (_, i) => [
      `q${i}`,
      new Map([[`d${i}`, 1], ...(i < sharing ? ([['d0', 1]] as const) : [])]),
    ]),
  );

test('never its own pair nor one with its document, none twice, and as many as there are', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 12 }),
      fc.integer({ min: 0, max: 6 }),
      fc.integer({ min: 0, max: 6 }),
      fc.integer({ min: 0, max: 12 }),
      fc.nat(),
      (size, sharing, count, query, seed) => {
        const pool = new ExamplePool(examples(size), qrelsOf(13, sharing));
        const ids = pool.draw(`q${query}`, { count, seed: [seed] }).map(({ id }) => id);
        const eligible = examples(size)
          .map(({ id }, i) => ({ id, i }))
          .filter(({ i }) => i !== query && !(i < sharing && query < sharing))
          .map(({ id }) => id);
        expect(new Set(ids).size).toBe(ids.length);
        expect(eligible).toEqual(expect.arrayContaining(ids));
        expect(ids).toHaveLength(Math.min(count, eligible.length));
      },
    ),
  );
});

test('a document that is judged not relevant to the other query is no hindrance', () => {
  const qrels = new Map([
    ['q0', new Map([['d0', 1]])],
    [
      'q1',
      new Map([
        ['d0', 0],
        ['d1', 1],
      ]),
    ],
  ]);
  expect(new ExamplePool(examples(2), qrels).draw('q0', { count: 3, seed: [0] })).toEqual([example(1)]);
});

test('a draw follows from pairs, query and seed alone, not from their order nor from draws before', () => {
  const draw = (pool: ExamplePool, seed = 0) =>
    Array.from({ length: 50 }, (_, i) =>
      pool
        .draw(`q${i}`, { count: 3, seed: [seed] })
        .map(({ id }) => id)
        .join(),
    );
  const pool = new ExamplePool(examples(50), qrelsOf(50));
  const first = draw(pool);
  expect(draw(pool)).toEqual(first);
  expect(draw(new ExamplePool(examples(50).reverse(), qrelsOf(50)))).toEqual(first);
  expect(draw(pool, 1).filter((one, i) => one === first[i]).length).toBeLessThan(5);
});

test('a tenth more pairs leave most draws as they were', () => {
  const draw = (size: number) => {
    const pool = new ExamplePool(examples(size), qrelsOf(size));
    return Array.from({ length: 200 }, (_, i) => pool.draw(`q${i}`, { count: 3, seed: [0] }));
  };
  const [few, more] = [draw(200), draw(220)];
  const same = few.filter((one, i) => JSON.stringify(one) === JSON.stringify(more[i]));
  // Each of three draws meets a new pair with a chance of 1 in 11: a quarter of the queries have another prompt.
  expect(same.length).toBeGreaterThan(120);
  expect(same.length).toBeLessThan(200);
});

// A sort of the pool for each query would take minutes.
test('10,000 queries draw from 10,000 pairs, from all of them about alike', { timeout: 30_000 }, () => {
  const pool = new ExamplePool(examples(10_000), qrelsOf(10_000));
  const times = new Map<string, number>();
  for (let i = 0; i < 10_000; i++) {
    for (const { id } of pool.draw(`q${i}`, { count: 3, seed: [0] })) times.set(id, (times.get(id) ?? 0) + 1);
  }
  expect([...times.values()].reduce((sum, count) => sum + count, 0)).toBe(30_000);
  // A pair is drawn three times in the mean.
  expect(times.size).toBeGreaterThan(9_000);
  expect(Math.max(...times.values())).toBeLessThan(20);
});
