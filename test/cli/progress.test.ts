import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import {
  formatBytes,
  formatCount,
  formatMilliseconds,
  formatScore,
  formatSeconds,
  snippet,
} from '../../src/cli/format.js';
import { Pace } from '../../src/cli/pace.js';
import { byteCount, counted, startTask } from '../../src/cli/progress.js';

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['performance', 'Date', 'setTimeout', 'clearTimeout'] });
});
afterEach(() => {
  vi.useRealTimers();
});

test('without a terminal: nothing for short work, then a line now and then with rate and time left', () => {
  let written = '';
  const output = {
    write(text: string) {
      written += text;
    },
  };
  const task = startTask(output, 'indexing', counted('documents'));
  const lines: string[] = [];
  for (let done = 0; done <= 2000; done += 100) {
    task.update({ done, total: 2092 });
    if (written !== '') lines.push(written);
    written = '';
    vi.advanceTimersByTime(1000);
  }
  task.stop();
  expect(lines.slice(0, 2)).toEqual([
    'indexing: 200 of 2,092 documents, 100 documents/s, 19 s left\n',
    'indexing: 700 of 2,092 documents, 100 documents/s, 14 s left\n',
  ]);
  expect(lines).toHaveLength(4);
});

test('on a terminal: a bar that is taken away in the end', () => {
  const written: string[] = [];
  const terminal = {
    isTTY: true,
    columns: 100,
    write: (text: string) => written.push(text),
  };
  const task = startTask(terminal, 'fetching', byteCount);
  task.update({ done: 0, total: 98_000_000 });
  vi.advanceTimersByTime(1000);
  task.update({ done: 49_000_000, total: 98_000_000 });
  vi.advanceTimersByTime(200);
  task.stop();
  const text = written.join('');
  expect(text).toContain('fetching [████████████░░░░░░░░░░░░] 49.0 MB of 98.0 MB, 49.0 MB/s, 1 s left');
  expect(text).toContain('\u001b[?25h');
});

test('the rate counts what took work, over the last half minute', () => {
  const pace = new Pace();
  expect(pace.perSecond).toBeUndefined();
  for (let second = 0; second <= 60; second++) pace.add(second * 1000, second < 30 ? second * 100 : 3000 + second);
  expect(pace.perSecond).toBeCloseTo(1, 5);
});

test('numbers and texts for people', () => {
  expect([formatCount(2092), formatBytes(98_362_432), formatBytes(512)]).toEqual(['2,092', '98.4 MB', '512 B']);
  expect([45, 125.4, 4200].map(formatSeconds)).toEqual(['45 s', '2 min 05 s', '1 h 10 min']);
  expect([formatMilliseconds(37.6), formatMilliseconds(1250)]).toEqual(['38 ms', '1.25 s']);
  expect([formatScore(0.5331), formatScore(1)]).toEqual(['.533', '1.000']);
  expect(snippet('a\n\n b  c')).toBe('a b c');
  expect(snippet('word '.repeat(100), 20)).toBe('word word word word …');
});
