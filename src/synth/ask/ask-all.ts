import { crashPoint } from '../../crash-point.js';
import { throwIfAborted } from '../../errors.js';
import { type ChatAnswer, type ChatModel, ChatModelError, type ChatRequest } from '../../llm/index.js';
import { contentKey } from '../content-key.js';
import type { Journal } from '../journal.js';

export interface AskOptions {
  readonly model: ChatModel;
  readonly journal: Journal<ChatAnswer>;
  /** Questions under way at once. Default 4. */
  readonly concurrency?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  /** `asked`: the part of `done` that was not in the journal. */
  readonly onProgress?: ((progress: AskProgress) => void) | undefined;
}

export interface AskProgress {
  readonly done: number;
  readonly total: number;
  readonly asked: number;
}

/** What came of a question. A failure is not in the journal: the next run asks again. */
export type Outcome = { readonly answer: ChatAnswer } | { readonly error: ChatModelError };

/** After this many questions in a row without an answer, all attempts spent, the model is taken to be down. */
const MOST_FAILURES_IN_A_ROW = 5;

/** A question's key: model, messages and settings. Two equal questions are one. */
export function questionKey(model: ChatModel, request: ChatRequest): string {
  const { messages, maxTokens, temperature, seed } = request;
  return contentKey({ model: model.name, messages, maxTokens, temperature, seed });
}

/**
 * Asks a model what the journal does not hold yet, and returns the outcomes in the questions' order.
 *
 * A question that fails does not stop the others. What does: the caller, a spent budget, a refused key, a journal that cannot be
 * written, a model that is down. Answers that are under way then are still waited for and kept.
 */
export async function askAll(requests: readonly ChatRequest[], options: AskOptions): Promise<Outcome[]> {
  const { model, journal, concurrency = 4, signal, onProgress } = options;
  const keys = requests.map((request) => questionKey(model, request));
  const open = new Map(requests.flatMap((request, i) => (journal.has(keys[i]!) ? [] : [[keys[i]!, request] as const])));
  const total = new Set(keys).size;
  const found = total - open.size;
  const failures = new Map<string, ChatModelError>();
  let [asked, failedInARow] = [0, 0];
  let stop: { readonly reason: unknown } | undefined;
  const rest = open.entries();
  onProgress?.({ done: found, total, asked });

  const work = async () => {
    for (const [key, request] of rest) {
      if (stop) return;
      try {
        throwIfAborted(signal);
        const answer = await model.complete({ ...request, signal });
        crashPoint('synth-answer');
        await journal.append(key, answer);
        failedInARow = 0;
      } catch (error) {
        if (!(error instanceof ChatModelError) || error.isHopeless || ++failedInARow >= MOST_FAILURES_IN_A_ROW) {
          stop ??= { reason: error };
          return;
        }
        failures.set(key, error);
      }
      onProgress?.({ done: found + ++asked, total, asked });
    }
  };
  await Promise.all(Array.from({ length: concurrency }, work));
  if (stop) throw (stop as { readonly reason: unknown }).reason;
  return keys.map((key) => {
    const error = failures.get(key);
    return error ? { error } : { answer: journal.get(key)! };
  });
}
