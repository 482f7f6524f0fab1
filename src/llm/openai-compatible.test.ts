import { inspect } from 'node:util';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { FakeLlm, type Trouble } from '../../test/support/fake-llm.js';
import { type ChatModelError, ManagedModel, openaiCompatible } from './index.js';

const KEY = 'sk-test-0123456789abcdef-SECRET';
const request = {
  messages: [{ role: 'user', content: 'Say a word.' }],
  maxTokens: 20,
  temperature: 0.5,
  seed: 7,
} as const;

let endpoint: FakeLlm;
beforeEach(async () => {
  endpoint = await FakeLlm.start();
});
afterEach(() => endpoint.close());

const model = (timeoutMs = 20_000) =>
  openaiCompatible({ baseURL: endpoint.baseURL, model: 'fake', apiKey: KEY, timeoutMs });

test('sends what was asked, and counts tokens', async () => {
  endpoint.reply = () => 'three short words';
  const messages = [{ role: 'system', content: 'Be brief.' }, ...request.messages] as const;
  const answer = await model().complete({ ...request, messages });
  expect(answer).toEqual({
    text: 'three short words',
    usage: { promptTokens: 5, completionTokens: 3 },
    finishReason: 'stop',
  });
  const [{ body, headers }] = endpoint.seen as [(typeof endpoint.seen)[number]];
  expect(body).toEqual({ model: 'fake', messages, max_tokens: 20, temperature: 0.5, seed: 7 });
  expect(headers.authorization).toBe(`Bearer ${KEY}`);
  expect(model().name).toBe(`${endpoint.baseURL}#fake`);
});

test.each<[Trouble, string, RegExp]>([
  [{ kind: 'rate limit', retryAfter: '3' }, 'rate limit', /429.*slow down/],
  [{ kind: 'server error' }, 'server error', /500.*out of memory/],
  [{ kind: 'malformed' }, 'malformed', /not the JSON of a chat completion/],
  [{ kind: 'half' }, 'half an answer', /in the middle of the answer/],
  [{ kind: 'no choice' }, 'empty', /no choice/],
  [{ kind: 'blank' }, 'empty', /no text/],
  [{ kind: 'hang' }, 'time-out', /within 300 ms/],
  [{ kind: 'reset' }, 'connection', /no connection/],
  [{ kind: 'refused', status: 401 }, 'refused', /invalid key: Bearer \[API key\].*Check the API key/],
])('%o is told apart, without retrying', async (trouble, fault, message) => {
  endpoint.troubles.push(trouble);
  const error: ChatModelError = await model(trouble.kind === 'hang' ? 300 : undefined)
    .complete(request)
    .then(
      () => expect.fail('should have failed'),
      (caught) => caught,
    );
  expect(error.fault).toBe(fault);
  expect(error.message).toMatch(message);
  expect(error.retryAfterMs).toBe(trouble.kind === 'rate limit' ? 3000 : undefined);
  expect(endpoint.seen).toHaveLength(1);
  if (trouble.kind === 'blank') expect(error.usage).toEqual({ promptTokens: 3, completionTokens: 0 });
  expect(inspect(error, { depth: 20, showHidden: true })).not.toContain(KEY);
});

test('all of these are got over by asking again, and counted', async () => {
  const kinds = ['server error', 'malformed', 'half', 'no choice', 'blank', 'reset'] as const;
  endpoint.troubles.push({ kind: 'rate limit', retryAfter: '0' }, ...kinds.map((kind) => ({ kind })));
  const managed = new ManagedModel(model(), { attempts: 8, firstWaitMs: 1 });
  const { text } = await managed.complete(request);
  expect(text).not.toBe('');
  expect(managed.totals).toMatchObject({
    requests: 8,
    answers: 1,
    faults: { 'rate limit': 1, 'server error': 1, malformed: 1, 'half an answer': 1, empty: 2, connection: 1 },
  });
});

test('no answer of the server carries the key on', async () => {
  endpoint.reply = () => `your key is ${KEY}, said twice: ${KEY}`;
  expect((await model().complete(request)).text).toBe('your key is [API key], said twice: [API key]');
});

test('an endpoint that does not count tokens is estimated, and says so', async () => {
  const answers = await Promise.all([new FakeUncounted().complete(), model().complete(request)]);
  expect(answers[0].usage).toEqual({ promptTokens: 3, completionTokens: 2, estimated: true });
  expect(answers[1].usage.estimated).toBeUndefined();
});

/** An endpoint behind a `fetch` that takes the counts out of its answers. */
class FakeUncounted {
  async complete() {
    const { fetch: original } = globalThis;
    endpoint.reply = () => 'a word.';
    globalThis.fetch = async (...args) => {
      globalThis.fetch = original;
      const { usage: _, ...rest } = (await (await original(...args)).json()) as Record<string, unknown>;
      return new Response(JSON.stringify(rest), { headers: { 'content-type': 'application/json' } });
    };
    return model().complete(request);
  }
}

test('the caller can stop an answer', async () => {
  endpoint.troubles.push({ kind: 'hang' });
  const controller = new AbortController();
  const answer = model().complete({ ...request, signal: controller.signal });
  setTimeout(() => controller.abort(new Error('enough')), 50);
  await expect(answer).rejects.toThrow('enough');
});

test('keys and addresses are checked before they can leak', () => {
  const { baseURL } = endpoint;
  expect(() => openaiCompatible({ baseURL: 'https://user:secret@host/v1', model: 'm' })).toThrow(
    /^(?!.*secret)baseURL: .*without password or parameters/,
  );
  expect(() => openaiCompatible({ baseURL, model: 'm', apiKey: 'two words' })).toThrow(
    /^(?!.*two words).*has a space/s,
  );
});

test('a short key goes out of messages; in answers it is an ordinary word', async () => {
  const local = openaiCompatible({ baseURL: endpoint.baseURL, model: 'fake', apiKey: 'ollama' });
  endpoint.reply = () => 'Start ollama first.';
  expect((await local.complete(request)).text).toBe('Start ollama first.');
  endpoint.troubles.push({ kind: 'refused', status: 401 });
  await expect(local.complete(request)).rejects.toThrow(/invalid key: Bearer \[API key\]/);
});
