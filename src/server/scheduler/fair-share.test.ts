import { expect, test } from 'vitest';
import { FairShare } from './fair-share.js';

/** Lets both kinds work as long as they have something to do; returns the turns. */
function turns(share: FairShare<'a' | 'b'>, cost: Record<'a' | 'b', number>, count: number): string {
  let text = '';
  for (let i = 0; i < count; i++) {
    const kind = share.choose(['a', 'b'])!;
    share.spend(kind, cost[kind]);
    text += kind;
  }
  return text;
}

test('the time is shared, not the turns', () => {
  expect(turns(new FairShare(['a', 'b']), { a: 1, b: 4 }, 10)).toBe('abaaaabaaa');
});

test('who is alone has all of it, and nobody has nothing', () => {
  const share = new FairShare(['a', 'b']);
  expect(share.choose(['b'])).toBe('b');
  expect(share.choose([])).toBeUndefined();
});

test('what was not used is not saved up', () => {
  const share = new FairShare(['a', 'b']);
  for (let i = 0; i < 100; i++) {
    share.choose(['a']);
    share.spend('a', 10);
  }
  expect(turns(share, { a: 1, b: 1 }, 6)).toBe('ababab');
});

test('after a turn without work nobody owes what he was given when he was alone', () => {
  const share = new FairShare(['a', 'b']);
  for (let i = 0; i < 100; i++) {
    share.choose(['a']);
    share.spend('a', 10);
  }
  share.choose([]);
  share.choose(['b']);
  share.spend('b', 1);
  expect(turns(share, { a: 1, b: 1 }, 6)).toBe('ababab');
});

test('who was away for one turn still owes what he had beyond his half', () => {
  const share = new FairShare(['a', 'b']);
  share.choose(['a', 'b']);
  share.spend('a', 5);
  share.choose(['b']);
  share.spend('b', 1);
  expect(turns(share, { a: 5, b: 1 }, 6)).toBe('bbbbab');
});
