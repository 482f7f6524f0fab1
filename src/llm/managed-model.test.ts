import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test, vi } from 'vitest';
import { type ChatAnswer, type ChatModel, ChatModelError, ManagedModel } from './index.js';

const request = { messages: [{ role: 'user', content: 'q' }], maxTokens: 5, temperature: 0, seed: 0 } as const;
const ANSWER: ChatAnswer = { text: 'a', usage: { promptTokens: 100, completionTokens: 50 }, finishReason: 'stop' };

/** A model that does what it is told, and notes how many requests were under way at once. */
function fake(behaviours: (() => ChatAnswer | Promise<ChatAnswer>)[] = []) {
  const calls = { count: 0, busy: 0, busiest: 0, at: [] as number[] };
  const model: ChatModel = {
    name: 'fake',
    async complete() {
      calls.at.push(performance.now());
      calls.count++;
      calls.busiest = Math.max(calls.busiest, ++calls.busy);
      try {
        await sleep(2);
        return await (behaviours.shift() ?? (() => ANSWER))();
      } finally {
        calls.busy--;
      }
    },
  };
  return { model, calls };
}

const fails =
  (fault: ChatModelError['fault'], details: ConstructorParameters<typeof ChatModelError>[2] = {}) =>
  (): never => {
    throw new ChatModelError(fault, `a ${fault}`, details);
  };

test('no more at once than allowed', async () => {
  const { model, calls } = fake();
  const managed = new ManagedModel(model, { concurrency: 3 });
  await Promise.all(Array.from({ length: 20 }, () => managed.complete(request)));
  expect(calls.busiest).toBe(3);
  expect(managed.totals).toEqual({
    requests: 20,
    answers: 20,
    estimatedAnswers: 0,
    promptTokens: 2000,
    completionTokens: 1000,
    cost: undefined,
    faults: {},
  });
});

test('no more a minute than allowed, repetitions included', async () => {
  const { model, calls } = fake([fails('server error')]);
  const managed = new ManagedModel(model, { requestsPerMinute: 600, firstWaitMs: 1 });
  await Promise.all(Array.from({ length: 3 }, () => managed.complete(request)));
  expect(calls.count).toBe(4);
  // One each 100 ms; a timer may be a little early.
  expect(calls.at.at(-1)! - calls.at[0]!).toBeGreaterThan(280);
});

test('waits as long as the server asks, everybody does, and the wait is told', async () => {
  const { model, calls } = fake([fails('rate limit', { retryAfterMs: 200 })]);
  const onRetry = vi.fn();
  const managed = new ManagedModel(model, { concurrency: 1, firstWaitMs: 1, onRetry });
  await Promise.all([managed.complete(request), managed.complete(request)]);
  expect(calls.count).toBe(3);
  expect(calls.at[1]! - calls.at[0]!).toBeGreaterThan(190);
  expect(onRetry).toHaveBeenCalledOnce();
  expect(onRetry.mock.calls[0]![1]).toBe(200);
});

test('gives up after the last attempt, at once where asking again is no use, and where the server asks for too much', async () => {
  const { model, calls } = fake([fails('empty'), fails('empty'), fails('malformed')]);
  const managed = new ManagedModel(model, { attempts: 3, firstWaitMs: 1 });
  await expect(managed.complete(request)).rejects.toThrow('a malformed');
  expect(calls.count).toBe(3);
  expect(managed.totals.faults).toEqual({ malformed: 1, empty: 2 });
  for (const failure of [fails('refused', { status: 400 }), fails('rate limit', { retryAfterMs: 86_400_000 })]) {
    const other = fake([failure]);
    await expect(new ManagedModel(other.model, { firstWaitMs: 1 }).complete(request)).rejects.toThrow();
    expect(other.calls.count).toBe(1);
  }
  const defect = fake([
    () => {
      throw new TypeError('a defect');
    },
  ]);
  await expect(new ManagedModel(defect.model, { firstWaitMs: 1 }).complete(request)).rejects.toThrow('a defect');
  expect(defect.calls.count).toBe(1);
});

test('stops when the budget is spent', async () => {
  const { model, calls } = fake();
  const prices = { prompt: 10, completion: 40 };
  const byMoney = new ManagedModel(model, { concurrency: 1, prices, budget: { money: 0.007 } });
  const results = await Promise.allSettled(Array.from({ length: 5 }, () => byMoney.complete(request)));
  expect(results.map(({ status }) => status)).toEqual([...Array(3).fill('fulfilled'), ...Array(2).fill('rejected')]);
  expect((results[4] as PromiseRejectedResult).reason.message).toMatch(/budget of 0\.007 is spent \(0\.0090\)/);
  expect(byMoney.totals.cost).toBeCloseTo(0.009, 12);
  const byTokens = new ManagedModel(model, { budget: { tokens: 150 } });
  await byTokens.complete(request);
  await expect(byTokens.complete(request)).rejects.toThrow(/budget of 150 tokens is spent \(150\)/);
  expect(calls.count).toBe(4);
  expect(() => new ManagedModel(model, { budget: { money: 1 } })).toThrow(/needs the prices/);
});

test('a wait ends when the caller stops', async () => {
  const { model } = fake([fails('rate limit', { retryAfterMs: 60_000 })]);
  const controller = new AbortController();
  const answer = new ManagedModel(model).complete({ ...request, signal: controller.signal });
  setTimeout(() => controller.abort(new Error('enough')), 30);
  await expect(answer).rejects.toThrow('enough');
});

test('so does the wait for the rate limit', async () => {
  const { model, calls } = fake();
  const managed = new ManagedModel(model, { requestsPerMinute: 1 });
  await managed.complete(request);
  const controller = new AbortController();
  const answers = Array.from({ length: 6 }, () => managed.complete({ ...request, signal: controller.signal }));
  controller.abort(new Error('enough'));
  for (const { status } of await Promise.allSettled(answers)) expect(status).toBe('rejected');
  await expect(answers[5]).rejects.toThrow('enough');
  expect(calls.count).toBe(1);
});

test('where a server asks for too long a wait, nobody waits for it', async () => {
  const { model, calls } = fake([fails('rate limit', { retryAfterMs: 86_400_000 })]);
  const managed = new ManagedModel(model);
  await expect(managed.complete(request)).rejects.toThrow('a rate limit');
  await managed.complete(request);
  expect(calls.count).toBe(2);
});

test('tokens of an answer without a text are paid for, and count against the budget', async () => {
  const usage = { promptTokens: 100, completionTokens: 50 };
  const { model, calls } = fake([fails('empty', { usage }), fails('empty', { usage })]);
  const managed = new ManagedModel(model, { firstWaitMs: 1, budget: { tokens: 250 } });
  await expect(managed.complete(request)).rejects.toThrow(/budget of 250 tokens is spent \(300\)/);
  expect(calls.count).toBe(2);
  expect(managed.totals).toMatchObject({ answers: 0, promptTokens: 200, completionTokens: 100, faults: { empty: 2 } });
});
