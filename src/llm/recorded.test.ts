import { appendFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type ChatModel, recordedModel, recordingModel, requestKey } from './index.js';

let folder: string;
let path: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'recorded-'));
  path = join(folder, 'new', 'recording.jsonl');
});
afterEach(() => rm(folder, { recursive: true }));

const ask = (content: string, seed = 0) =>
  ({ messages: [{ role: 'user', content }], maxTokens: 5, temperature: 0, seed }) as const;

const echo = (name: string): ChatModel => ({
  name,
  complete: async ({ messages, seed }) => ({
    text: `${messages[0]!.content} ${seed}`,
    usage: { promptTokens: 1, completionTokens: 2 },
    finishReason: 'stop',
  }),
});

test('replays what was recorded, under the name of the recorded model', async () => {
  const recording = recordingModel(echo('echo'), path);
  const first = await recording.complete(ask('one'));
  await recording.complete(ask('one', 1));
  await appendFile(path, '{"key": "torn');
  const replay = await recordedModel(path);
  expect(replay.name).toBe('echo');
  expect(await replay.complete(ask('one'))).toEqual(first);
  expect((await replay.complete(ask('one', 1))).text).toBe('one 1');
});

test('recording goes on after a crash in the middle of a line', async () => {
  await recordingModel(echo('echo'), path).complete(ask('one'));
  await appendFile(path, '{"key": "torn');
  await recordingModel(echo('echo'), path).complete(ask('two'));
  const replay = await recordedModel(path);
  expect((await replay.complete(ask('one'))).text).toBe('one 0');
  expect((await replay.complete(ask('two'))).text).toBe('two 0');
});

test('a request that is not there is an error that says so', async () => {
  await recordingModel(echo('echo'), path).complete(ask('one'));
  const replay = await recordedModel(path);
  const different = [ask('two'), ask('one', 2), { ...ask('one'), maxTokens: 6 }, { ...ask('one'), temperature: 1 }];
  for (const request of different) {
    await expect(replay.complete(request)).rejects.toThrow(/no answer is recorded.*record again/);
  }
  expect(new Set([ask('one'), ...different].map(requestKey)).size).toBe(5);
});

test('bad recordings are refused', async () => {
  await expect(recordedModel(path)).rejects.toThrow(/no such recording/);
  await recordingModel(echo('echo'), path).complete(ask('one'));
  await recordingModel(echo('other'), path).complete(ask('one'));
  await expect(recordedModel(path)).rejects.toThrow(/:2: expected answers of one model, found "echo" and "other"/);
  await appendFile(path, '{}\n');
  await rm(path);
  await recordingModel(echo('echo'), path).complete(ask('one'));
  await appendFile(path, '{}\n');
  await expect(recordedModel(path)).rejects.toThrow(/:2: expected a recorded answer/);
});
