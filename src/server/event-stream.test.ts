import { expect, test } from 'vitest';
import { EventStream } from './event-stream.js';

async function all<T>(stream: EventStream<T>): Promise<T[]> {
  const events: T[] = [];
  for await (const event of stream) events.push(event);
  return events;
}

test('events come in order, whether they were pushed before or while they are waited for', async () => {
  const stream = new EventStream<number>();
  stream.push(1);
  const read = all(stream);
  await new Promise(setImmediate);
  stream.push(2);
  stream.push(3);
  stream.end();
  stream.push(4);
  expect(await read).toEqual([1, 2, 3]);
});

test('a failure comes at once, and only once', async () => {
  const stream = new EventStream<number>();
  stream.push(1);
  stream.fail(new Error('broken'));
  stream.fail(new Error('again'));
  await expect(stream.next()).rejects.toThrow('broken');
  expect(await stream.next()).toEqual({ done: true, value: undefined });
});

test('leaving early is told, leaving at the end is not', async () => {
  const left: string[] = [];
  const early = new EventStream<number>(() => left.push('early'));
  early.push(1);
  for await (const _ of early) break;
  expect(early.ended).toBe(true);
  const whole = new EventStream<number>(() => left.push('at the end'));
  whole.push(1);
  whole.end();
  await all(whole);
  expect(left).toEqual(['early']);
});
