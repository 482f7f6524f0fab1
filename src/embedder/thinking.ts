import {
  type Decoder,
  hashIntegers,
  type SamplingSettings,
  SequenceBatch,
  sampleToken,
  uniform,
} from '../decoder/index.js';
import type { Sequences } from './sequence.js';
import { normalise } from './vectors.js';

/** How thoughts are written. */
export interface ThinkingSettings extends SamplingSettings {
  /** Thoughts of each query; 0 gives the instant vector alone. */
  readonly thoughts: number;
  readonly seed: number;
  /** At most this many tokens a thought. */
  readonly maxTokens: number;
  /** Stop at this time (as `performance.now()` counts), with what is finished by then. */
  readonly deadline: number;
  /** Write `maxTokens` tokens whatever the model says: for measuring. */
  readonly ignoreEnd: boolean;
  readonly signal?: AbortSignal | undefined;
}

/** What happens while a batch of queries is thought about, in order. */
export type ThinkingEvent =
  | { readonly type: 'instant'; readonly query: number; readonly vector: Float32Array }
  | { readonly type: 'token'; readonly query: number; readonly sample: number; readonly token: number }
  | {
      readonly type: 'thought';
      readonly query: number;
      readonly sample: number;
      readonly tokens: readonly number[];
      readonly finishReason: 'stop' | 'length';
      /** The vector at the last `<emb>`. */
      readonly vector: Float32Array;
      /** Time from the last drawn token to the vector, in ms. */
      readonly closingMs: number;
    };

/** One thought being written. Its row of the batch reads `next` in the coming step. */
interface Row {
  readonly query: number;
  readonly sample: number;
  /** Key of the query's tokens for random numbers. */
  readonly key: number;
  readonly tokens: number[];
  next: readonly number[];
  finishReason: 'stop' | 'length' | undefined;
  /** `</s>` and `<emb>`, as far as they are still to be read. */
  closing: readonly number[];
  closingStart: number;
}

/**
 * Embeds queries and goes on thinking in the same KV cache: nothing is read twice.
 *
 * All rows of the batch step together, each at its own point: some draw the next token of their thought while others
 * already read `</s>` and the last `<emb>`. Tokens, and in fp32 vectors, do not depend on what else is in the batch.
 */
export async function* think(
  decoder: Decoder,
  sequences: Sequences,
  texts: readonly string[],
  settings: ThinkingSettings,
): AsyncGenerator<ThinkingEvent, void, void> {
  const { signal, thoughts, deadline } = settings;
  const prompts = texts.map((text) => sequences.query(text));
  const ids = prompts.map((prompt) => prompt.ids);
  const { batch, output } = await SequenceBatch.prefill(decoder, ids, {
    logitRows: thoughts > 0 ? [...ids.keys()] : [],
    signal,
  });
  for (const [query, { embeddingAt }] of prompts.entries()) {
    yield { type: 'instant', query, vector: normalise(output.hidden(query, embeddingAt)) };
  }
  if (thoughts === 0 || performance.now() >= deadline) return;

  let rows = prompts.flatMap(({ ids }, query) =>
    Array.from({ length: thoughts }, (_, sample): Row => {
      const key = hashIntegers(ids);
      return { query, sample, key, tokens: [], next: [], finishReason: undefined, closing: [], closingStart: 0 };
    }),
  );
  batch.select(rows.map(({ query }) => query));
  const [end] = sequences.closing as [number];
  const banned = new Set(settings.ignoreEnd ? [...sequences.marks, end] : sequences.marks);
  const draw = (row: Row, logits: Float32Array): ThinkingEvent | undefined => {
    const random = uniform(settings.seed, row.key, row.sample, row.tokens.length);
    const token = sampleToken(logits, settings, random, banned);
    if (token === end) {
      close(row, 'stop');
      return undefined;
    }
    row.tokens.push(token);
    row.next = [token];
    return { type: 'token', query: row.query, sample: row.sample, token };
  };
  const close = (row: Row, reason: 'stop' | 'length') => {
    row.finishReason = reason;
    row.closing = sequences.closing;
    row.closingStart = performance.now();
  };

  const full = (row: Row) => row.tokens.length === settings.maxTokens;
  const closed = (row: Row) => row.finishReason !== undefined && row.closing.length === 0;
  for (const row of rows) {
    const event = draw(row, output.logits[row.query]!);
    if (event) yield event;
  }
  while (rows.length > 0) {
    if (performance.now() >= deadline) return;
    for (const row of rows) {
      if (!row.finishReason) continue;
      // A row that is alone reads both closing tokens at once. Not in fp32, which promises the same bits in any batch.
      const count = rows.length === 1 && decoder.mode !== 'fp32' ? row.closing.length : 1;
      row.next = row.closing.slice(0, count);
      row.closing = row.closing.slice(count);
    }
    const drawing = [...rows.keys()].filter((i) => !rows[i]!.finishReason && !full(rows[i]!));
    const read = await batch.step(
      rows.map((row) => row.next),
      { logitRows: drawing, signal },
    );
    for (const [i, row] of rows.entries()) {
      // The last token that fits has just been read: close the thought as if it had ended by itself.
      if (!row.finishReason && full(row)) close(row, 'length');
      if (!closed(row)) continue;
      const { query, sample, tokens, finishReason, closingStart, next } = row;
      const vector = normalise(read.hidden(i, next.length - 1));
      const closingMs = performance.now() - closingStart;
      yield { type: 'thought', query, sample, tokens, finishReason: finishReason!, vector, closingMs };
    }
    for (const [nth, i] of drawing.entries()) {
      const event = draw(rows[i]!, read.logits[nth]!);
      if (event) yield event;
    }
    const unfinished = [...rows.keys()].filter((i) => !closed(rows[i]!));
    rows = unfinished.map((i) => rows[i]!);
    if (rows.length > 0) batch.select(unfinished);
  }
}
