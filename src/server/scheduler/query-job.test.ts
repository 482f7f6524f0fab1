import { expect, test } from 'vitest';
import type { QueryEmbedding } from '../../embedder/index.js';
import { EventStream } from '../event-stream.js';
import { chooseReadings, type QueryJob } from './query-job.js';

const job = (id: string, more: Partial<QueryJob> = {}): QueryJob => ({
  ...{
    id,
    text: id,
    options: {},
    stream: new EventStream(),
    tokens: 10,
    rows: 1,
    auto: false,
    due: Number.POSITIVE_INFINITY,
  },
  ...{
    deadline: Number.POSITIVE_INFINITY,
    stopListening: () => {},
    instant: undefined,
    thoughtTokens: 0,
    alone: false,
  },
  ...more,
});

const instant = {} as QueryEmbedding;

const chosen = (waiting: readonly QueryJob[], freeRows: number, maxTokens: number) =>
  chooseReadings(waiting, 'others', freeRows, maxTokens, 0).map(({ job, purpose }) => `${job.id} ${purpose}`);

test('whoever has waited for room the longest is read in any case, the others after those without a vector', () => {
  const waiting = [job('a', { instant }), job('b', { instant }), job('c'), job('d')];
  expect(chosen(waiting, 2, 10)).toEqual(['a think']);
  expect(chosen(waiting, 2, 20)).toEqual(['a think', 'c instant']);
  expect(chosen(waiting, 2, 100)).toEqual(['a think', 'c instant', 'd instant', 'b think']);
  expect(chosen(waiting, 0, 100)).toEqual(['c instant', 'd instant']);
});

test('who is to be read alone is, when his turn comes', () => {
  const waiting = [job('a'), job('b', { alone: true, rows: 0 }), job('c', { auto: true })];
  expect(chosen(waiting, 1, 100)).toEqual(['a think', 'c decide']);
  expect(chosen(waiting.slice(1), 1, 100)).toEqual(['b think']);
});
