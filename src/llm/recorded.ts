import { createHash } from 'node:crypto';
import { appendFile, mkdir, open, readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { CorruptFileError, MismatchError, NotFoundError } from '../errors.js';
import type { ChatAnswer, ChatModel, ChatRequest } from './chat-model.js';

/** A line of a recording. */
interface Recorded {
  readonly key: string;
  readonly model: string;
  readonly answer: ChatAnswer;
}

/** sha256 of what is asked, without the model: messages, token limit, temperature and seed. */
export function requestKey({ messages, maxTokens, temperature, seed }: ChatRequest): string {
  const asked = [messages.map(({ role, content }) => [role, content]), maxTokens, temperature, seed];
  return createHash('sha256').update(JSON.stringify(asked)).digest('hex');
}

/**
 * Passes requests on to a model, and appends each answer to a file that `recordedModel` replays. A torn last line, which a
 * crash may have left, is cut off first.
 */
export function recordingModel(model: ChatModel, path: string): ChatModel {
  let ready: Promise<void> | undefined;
  return {
    name: model.name,
    async complete(request) {
      const answer = await model.complete(request);
      const line: Recorded = { key: requestKey(request), model: model.name, answer };
      ready ??= prepare(path);
      await ready;
      await appendFile(path, `${JSON.stringify(line)}\n`);
      return answer;
    },
  };
}

async function prepare(path: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const file = await open(path, 'a+');
  try {
    const bytes = await file.readFile();
    const whole = bytes.lastIndexOf('\n') + 1;
    if (whole < bytes.length) await file.truncate(whole);
  } finally {
    await file.close();
  }
}

/**
 * Replays a recording of one model, under that model's name. A torn last line is passed over.
 *
 * @throws NotFoundError when there is no such file, and at a request that is not in it; CorruptFileError at a bad line;
 * MismatchError for a recording of several models.
 */
export async function recordedModel(path: string): Promise<ChatModel> {
  const text = await readFile(path, 'utf8').catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === 'ENOENT') throw new NotFoundError('there is no such recording.', { where: path });
    throw cause;
  });
  const answers = new Map<string, ChatAnswer>();
  let name: string | undefined;
  for (const [i, line] of text.split('\n').slice(0, -1).entries()) {
    const where = `${path}:${i + 1}`;
    const { key, model, answer } = parse(line, where);
    name ??= model;
    if (model !== name) {
      throw new MismatchError(`expected answers of one model, found "${name}" and "${model}".`, { where });
    }
    answers.set(key, answer);
  }
  return {
    name: name ?? 'empty recording',
    async complete(request) {
      const key = requestKey(request);
      const answer = answers.get(key);
      if (answer) return answer;
      const question = request.messages.at(-1)?.content.slice(0, 80) ?? '';
      throw new NotFoundError(
        `no answer is recorded for this request (${key.slice(0, 12)}, ${JSON.stringify(question)}).`,
        {
          where: path,
          hint: 'The prompt or the settings differ from the recorded ones: use the same, or record again.',
        },
      );
    },
  };
}

function parse(line: string, where: string): Recorded {
  try {
    const recorded = JSON.parse(line);
    if (typeof recorded.key === 'string' && typeof recorded.answer?.text === 'string') return recorded;
  } catch {
    // Reported below, like a line of another shape.
  }
  throw new CorruptFileError('expected a recorded answer, {"key", "model", "answer"}.', { where });
}
