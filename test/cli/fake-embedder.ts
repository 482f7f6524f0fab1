import type { CliEmbedder } from '../../src/cli/context.js';
import {
  normalisedMean,
  type QueryEmbedding,
  type QueryEvent,
  type QueryOptions,
  SEQUENCE_VERSION,
} from '../../src/embedder/index.js';
import { HashingEncoder } from '../../src/testing/index.js';

/**
 * An embedder without a model: vectors are hashed words, and the thought about a query is looked up in a table, so that
 * a test knows which hits a thought must bring.
 */
export class FakeEmbedder extends HashingEncoder implements CliEmbedder {
  readonly mode = 'fp32' as const;
  readonly settings: CliEmbedder['settings'] = {
    sequenceVersion: SEQUENCE_VERSION,
    base: { model: 'fake', sha256: '0'.repeat(64) },
    tokens: { query: 0, document: 1, thought: 2, embedding: 3, end: 4 },
    pooling: 'last',
    lengths: { query: 64, thought: 96, document: 192 },
    thinking: { think: 'never', thoughts: 1, temperature: 0, topP: 1 },
    origin: 'a test',
    selfTest: [],
  };
  /** What the queries were asked with. */
  readonly asked: QueryOptions[] = [];
  closed = false;
  readonly #thoughts: Readonly<Record<string, string>>;

  constructor(thoughts: Readonly<Record<string, string>> = {}, settings: { seed?: number; delayMs?: number } = {}) {
    super({ dimensions: 512, ...settings });
    this.#thoughts = thoughts;
  }

  countTokens(text: string): number {
    return text.split(/\s+/).length;
  }

  async embedQuery(text: string, options: QueryOptions = {}): Promise<QueryEmbedding> {
    this.asked.push(options);
    const instant = this.embed(text);
    // Its rule: think where the instant search has no clear winner.
    const scores = options.think === 'auto' ? await options.instantScores?.(instant) : undefined;
    const decision = scores && (scores[0]! - scores[1]! < 0.1 ? 'think' : 'instant');
    const thinks = options.think === 'always' || decision === 'think';
    const thought = options.thought ?? (thinks ? this.#thoughts[text] : undefined);
    const thoughts =
      thought === undefined
        ? []
        : [
            {
              sample: 0,
              text: thought,
              tokens: [],
              finishReason: options.thought === undefined ? ('stop' as const) : ('given' as const),
              logProbability: -0.5,
              vector: normalisedMean([instant, this.embed(thought), this.embed(thought)]),
            },
          ];
    return {
      instant,
      vector: thoughts[0]?.vector ?? instant,
      basis: thoughts.length > 0 ? 'thoughts' : 'instant',
      thoughts,
      ...(decision ? { decision } : {}),
      deadlineReached: options.deadlineMs === 0,
      truncated: false,
      timings: { prefillMs: 1, thinkMs: 2, closingMs: 0.5, totalMs: 3 },
    };
  }

  embedQueries(texts: readonly string[], options: QueryOptions = {}): Promise<QueryEmbedding[]> {
    return Promise.all(texts.map((text) => this.embedQuery(text, options)));
  }

  async *streamQuery(text: string, options: QueryOptions = {}): AsyncGenerator<QueryEvent, void, void> {
    const embedding = await this.embedQuery(text, options);
    yield { type: 'instant', vector: embedding.instant, prefillMs: 1 };
    for (const word of embedding.thoughts[0]?.text.split(/(?<= )/) ?? []) {
      yield { type: 'token', sample: 0, token: 0, text: word };
    }
    yield { type: 'final', ...embedding };
  }

  async close(): Promise<void> {
    this.closed = true;
  }
}
