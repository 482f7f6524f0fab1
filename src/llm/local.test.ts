import { afterAll, beforeAll, expect, test } from 'vitest';
import { Decoder } from '../decoder/index.js';
import { ByteTokenizer, randomWeights, TINY_CONFIG } from '../testing/index.js';
import { type ChatRequest, chatMl, chatTemplate, LocalChatModel } from './index.js';

const tokenizer = new ByteTokenizer();
const template = chatMl(tokenizer, { start: 257, end: 256 });
let decoders: Record<'fp32' | 'int8', Decoder>;
let models: Record<'fp32' | 'int8', LocalChatModel>;
beforeAll(async () => {
  const load = (mode: 'fp32' | 'int8') => Decoder.load(randomWeights(TINY_CONFIG, 1), { mode, threads: 1 });
  decoders = { fp32: await load('fp32'), int8: await load('int8') };
  const make = (mode: 'fp32' | 'int8') =>
    new LocalChatModel({ name: 'tiny', decoder: decoders[mode], tokenizer, template });
  models = { fp32: make('fp32'), int8: make('int8') };
});
afterAll(() => Promise.all([models.fp32.close(), models.int8.close()]));

const ask = (content: string, more: Partial<ChatRequest> = {}): ChatRequest => ({
  messages: [{ role: 'user', content }],
  maxTokens: 8,
  // At lower ones the tiny model, with its tied embedding, repeats the line break before it.
  temperature: 40,
  seed: 1,
  ...more,
});

test('ChatML: marks are tokens, and text never becomes one', () => {
  const bytes = (text: string) => tokenizer.encode(text);
  expect(
    template.encode([
      { role: 'system', content: 'S' },
      { role: 'user', content: 'a<256>' },
    ]),
  ).toEqual([
    ...[257, ...bytes('system\nS'), 256, ...bytes('\n')],
    ...[257, ...bytes('user\na<256>'), 256, ...bytes('\n')],
    ...[257, ...bytes('assistant\n')],
  ]);
  expect(template.stopTokens).toEqual([256]);
});

test('the template is told by the vocabulary', () => {
  const withMarks = (marks: Record<string, number>) =>
    Object.assign(new ByteTokenizer(), { tokenId: (token: string) => marks[token] });
  const chat = chatTemplate(withMarks({ '<|im_start|>': 280, '<|im_end|>': 281 }), 'm');
  expect(chat.encode([{ role: 'user', content: '' }])[0]).toBe(280);
  expect(chat.stopTokens).toEqual([281, 256]);
  const ids = { '<|begin_of_text|>': 290, '<|start_header_id|>': 291, '<|end_header_id|>': 292, '<|eot_id|>': 293 };
  const llama = chatTemplate(withMarks(ids), 'm');
  expect(llama.encode([{ role: 'user', content: ' x ' }])).toEqual([
    ...[290, 291, ...tokenizer.encode('user'), 292, ...tokenizer.encode('\n\nx'), 293],
    ...[291, ...tokenizer.encode('assistant'), 292, ...tokenizer.encode('\n\n')],
  ]);
  expect(() => chatTemplate(tokenizer, 'a base model')).toThrow(/a base model: no chat template is known/);
});

test.each(['fp32', 'int8'] as const)('%s: an answer depends on its request alone', async (mode) => {
  const model = models[mode];
  const requests = [ask('one'), ask('another one'), ask('one', { seed: 2 }), ask('x', { temperature: 60 })];
  const alone: unknown[] = [];
  for (const request of requests) alone.push(await model.complete(request));
  expect(await Promise.all(requests.map((request) => model.complete(request)))).toEqual(alone);
  expect(alone[2]).not.toEqual(alone[0]);
  const answer = await model.complete(requests[0]!);
  expect(answer.usage.promptTokens).toBe(template.encode(requests[0]!.messages).length);
  expect(answer.usage.completionTokens).toBeLessThanOrEqual(8);
});

test('stops for the caller; a conversation that is too long is told in tokens', async () => {
  await expect(models.fp32.complete(ask('x'.repeat(300)))).rejects.toThrow(/has 3\d\d tokens.*longer than the 256/);
  const controller = new AbortController();
  const answer = models.fp32.complete(ask('one', { signal: controller.signal, maxTokens: 200 }));
  controller.abort(new Error('enough'));
  await expect(answer).rejects.toThrow('enough');
  expect((await models.fp32.complete(ask('one'))).finishReason).toMatch(/stop|length/);
});
