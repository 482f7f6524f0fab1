import { expect, test } from 'vitest';
import { type ModelRun, timed } from './model-run.js';

test('a run is told of, also one that fails; a call that was aborted before it made none', async () => {
  const runs: ModelRun[] = [];
  const onRun = (run: ModelRun) => runs.push(run);
  expect(await timed('step', { onRun, signal: new AbortController().signal }, async () => 'done')).toBe('done');
  const broken = timed('prompts', { onRun, signal: undefined }, () => Promise.reject(new Error('the model broke')));
  await expect(broken).rejects.toThrow('the model broke');
  let started = false;
  const run = async () => {
    started = true;
  };
  const aborted = timed('documents', { onRun, signal: AbortSignal.abort(new Error('gone')) }, run);
  await expect(aborted).rejects.toThrow('gone');
  expect(started).toBe(false);
  expect(runs.map(({ kind }) => kind)).toEqual(['step', 'prompts']);
});
