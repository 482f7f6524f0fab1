import { describe, expect, it } from 'vitest';

// The benches are plain JavaScript without declarations, so their modules come in untyped.
const load = (name: string) => import(new URL(`../bench/lib/${name}.mjs`, import.meta.url).href);
const { median, ratio, row } = await load('stats');
const { table } = await load('table');
const { bestSetting, takeTurns } = await load('timing');
const { Worker } = await load('worker');

describe('median', () => {
  it('takes the middle value, in numeric order', () => {
    expect(median([100, 9, 20])).toBe(20);
  });

  it('takes the mean of the two middle values', () => {
    expect(median([4, 1, 3, 2])).toBe(2.5);
  });

  it('refuses an empty list', () => {
    expect(() => median([])).toThrow('at least one value');
  });
});

describe('ratio', () => {
  it('is above 1 when ours is better, for rates and for times', () => {
    expect(ratio('tokens/s', 100, 40)).toBe(2.5);
    expect(ratio('ms', 40, 100)).toBe(2.5);
    expect(ratio('GiB', 2, 1)).toBe(0.5);
  });
});

describe('row', () => {
  it('has the seven fields every bench prints, with four significant digits', () => {
    expect(row({ bench: 'decode', what: 'w', unit: 'tokens/s', ours: 100.123, peer: 30, peerName: 'p' })).toEqual({
      bench: 'decode',
      what: 'w',
      unit: 'tokens/s',
      ours: 100.1,
      peer: 30,
      peerName: 'p',
      ratio: 3.337,
    });
  });

  it('has no ratio without a peer', () => {
    const { peer, ratio: none } = row({ bench: 'b', what: 'w', unit: 'ms', ours: 1, peer: null, peerName: 'p' });
    expect([peer, none]).toEqual([null, null]);
  });
});

describe('table', () => {
  it('aligns numbers to the right and texts to the left, and shows a dash for what is missing', () => {
    const lines = [
      ['first', 1.5, null],
      ['second, longer', 12.25, 'name'],
    ];
    expect(table(['what', 'ours', 'peer'], lines).split('\n')).toEqual([
      'what             ours  peer',
      '--------------  -----  ----',
      'first             1.5  -',
      'second, longer  12.25  name',
    ]);
  });
});

describe('takeTurns', () => {
  it('interleaves the contestants, drops the warm-up and takes medians', async () => {
    const calls: string[] = [];
    const figures = { a: [1000, 3, 1, 2], b: [1000, 30, 10, 20] };
    const contestant = (name: 'a' | 'b') => async () => {
      calls.push(name);
      return figures[name][calls.filter((call) => call === name).length - 1];
    };
    const contestants = { a: contestant('a'), b: contestant('b'), missing: undefined };
    expect(await takeTurns(contestants, { warmUp: 1, repetitions: 3 })).toEqual({ a: 2, b: 20, missing: null });
    expect(calls.join('')).toBe('abababab');
  });
});

describe('bestSetting', () => {
  it('finds the setting with the highest rate', async () => {
    const { best } = await bestSetting([1, 2, 4], async (threads: number) => 10 - Math.abs(threads - 2));
    expect(best).toBe(2);
  });
});

describe('Worker', () => {
  it('says what a worker said before it ended', async () => {
    const worker = new Worker(process.execPath, ['-e', 'console.error("no such model"); process.exit(3)']);
    await expect(worker.call('load')).rejects.toThrow(/load: the worker ended before it answered.*no such model/);
    await worker.close();
  });

  it('passes calls and answers as lines, and errors as errors', async () => {
    const echo = `require('readline').createInterface({ input: process.stdin }).on('line', (line) => {
      const { method, params } = JSON.parse(line);
      console.log(JSON.stringify(method === 'fail' ? { error: 'on purpose' } : { result: params.value + 1 }));
    })`;
    const worker = new Worker(process.execPath, ['-e', echo]);
    expect(await worker.call('next', { value: 1 })).toBe(2);
    await expect(worker.call('fail')).rejects.toThrow('fail: on purpose');
    expect(await worker.call('next', { value: 2 })).toBe(3);
    await worker.close();
  });
});
